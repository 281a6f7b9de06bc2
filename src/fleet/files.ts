/** How other shells find a fleet on this machine: a private folder for each user, in it a folder for each run. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { isAlive } from "../process.ts";

/** Where a fleet is; readable for the same user only, because the Redis URL has a password in it. */
export interface FleetNote {
  readonly pid: number;
  readonly redisUrl: string;
  /** http URLs; absent where the tier is left out or does not listen yet */
  readonly gateway?: string;
  readonly web?: string;
  /** ms since the epoch */
  readonly startedAt: number;
}

const noteName = "fleet.json";
const userFolder = (): string => join(tmpdir(), `stargazer-${userInfo().uid}`);

/** Why the user's folder cannot be trusted: any user may make one in the temporary folder. */
const problemOf = (folder: string): string | undefined => {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return "it is not there";
  const { uid } = userInfo();
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) return "it belongs to another user";
  return undefined;
};

/** Why there can be no temporary files, as a clause; undefined if there can. */
export const temporaryFolderProblem = (): string | undefined => {
  try {
    accessSync(tmpdir(), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `the folder for temporary files cannot be used: ${messageOf(error)}; set TMPDIR`;
  }
};

const read = (folder: string): FleetNote | undefined => {
  try {
    const { pid, redisUrl, gateway, web, startedAt } = JSON.parse(readFileSync(join(folder, noteName), "utf8")) as FleetNote;
    if (typeof redisUrl !== "string" || !Number.isInteger(pid) || typeof startedAt !== "number") return undefined;
    return { pid, redisUrl, startedAt, ...(gateway === undefined ? {} : { gateway }), ...(web === undefined ? {} : { web }) };
  } catch {
    return undefined;
  }
};

const runFolders = (): { folder: string; pid: number }[] => {
  const root = userFolder();
  if (problemOf(root) !== undefined) return [];
  return readdirSync(root)
    .filter((name) => /^\d+-/.test(name))
    .map((name) => ({ folder: join(root, name), pid: Number.parseInt(name, 10) }));
};

/** The fleet on this machine that was started last, if its process is alive. Notes of dead processes are removed. */
export const findFleet = (): FleetNote | undefined => {
  const live = runFolders().filter(({ folder, pid }) => {
    if (isAlive(pid)) return true;
    rmSync(join(folder, noteName), { force: true });
    return false;
  });
  const notes = live.flatMap(({ folder }) => read(folder) ?? []);
  return notes.sort((a, b) => b.startedAt - a.startedAt)[0];
};

/** Publishes where the fleet is to the other shells of this user; they read the old note or the new one. Throws if it cannot be written. */
export const publishNote = (folder: string, note: FleetNote): void => {
  const draft = join(folder, `${noteName}.draft`);
  writeFileSync(draft, JSON.stringify(note), { mode: 0o600 });
  renameSync(draft, join(folder, noteName));
};

/** No shell finds the fleet any more; with `keepLogs` the logs stay until the next fleet is started. */
export const removeRunFolder = (folder: string, { keepLogs }: { readonly keepLogs: boolean }): void => {
  rmSync(join(folder, noteName), { force: true });
  if (!keepLogs || !existsSync(folder) || readdirSync(folder).length === 0) rmSync(folder, { recursive: true, force: true });
};

/**
 * Makes the folder of a run, for its logs and its note, and returns its path. Removes the folders of runs whose process is gone.
 * Throws if there can be no such folder.
 */
export const openRunFolder = (): string => {
  const root = userFolder();
  if (!existsSync(root)) mkdirSync(root, { mode: 0o700 });
  const problem = problemOf(root);
  if (problem !== undefined) throw new Error(`${root} cannot be used: ${problem}`);
  chmodSync(root, 0o700);
  for (const { folder, pid } of runFolders()) if (!isAlive(pid)) rmSync(folder, { recursive: true, force: true });
  return mkdtempSync(join(root, `${process.pid}-`));
};

/** The last line of a log, at most 500 characters: the cause where a service reported none. */
export const lastLineOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").at(-1)?.slice(0, 500) ?? "";
  } catch (error) {
    return messageOf(error);
  }
};
