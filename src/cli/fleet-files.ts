/** How other shells find a fleet that `up` runs on this machine: one private folder a user, in it one folder a running `up`. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import { isAlive } from "../process.ts";

/** What `up` says of its fleet; for the same user only, because the Redis URL has a password in it. */
export interface FleetNote {
  readonly pid: number;
  readonly redisUrl: string;
  /** http URLs; absent where the tier is left out */
  readonly gateway?: string;
  readonly web?: string;
  /** ms since the epoch */
  readonly startedAt: number;
}

const noteName = "fleet.json";
const userFolder = (): string => join(tmpdir(), `stargazer-${userInfo().uid}`);

/** Why the user's folder cannot be trusted: the temporary folder is everybody's. */
const problemOf = (folder: string): string | undefined => {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return "it is not there";
  const { uid } = userInfo();
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) return "it belongs to somebody else";
  return undefined;
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
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ folder: join(root, name), pid: Number(name) }));
};

/** The fleet on this machine that was started last, if its `up` is alive. Notes of dead ones are removed. */
export const findFleet = (): FleetNote | undefined => {
  const live = runFolders().filter(({ folder, pid }) => {
    if (isAlive(pid)) return true;
    rmSync(join(folder, noteName), { force: true });
    return false;
  });
  const notes = live.flatMap(({ folder }) => read(folder) ?? []);
  return notes.sort((a, b) => b.startedAt - a.startedAt)[0];
};

export interface RunFolder {
  /** where the logs are */
  readonly path: string;
  /** Says where the fleet is, at once and whole. */
  publish(note: FleetNote): void;
  /** No shell finds the fleet any more; with `keepLogs` the rest stays until the next `up`. */
  remove(options: { keepLogs: boolean }): void;
}

/** The folder of this process's fleet. What earlier, dead ones left is removed. Throws if the folder cannot be had. */
export const openRunFolder = (): RunFolder => {
  const root = userFolder();
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const problem = problemOf(root);
  if (problem !== undefined) throw new Error(`${root} cannot be used: ${problem}`);
  chmodSync(root, 0o700);
  for (const { folder, pid } of runFolders()) if (!isAlive(pid)) rmSync(folder, { recursive: true, force: true });
  const path = join(root, String(process.pid));
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  return {
    path,
    publish: (note) => {
      const draft = join(path, `${noteName}.draft`);
      writeFileSync(draft, JSON.stringify(note), { mode: 0o600 });
      renameSync(draft, join(path, noteName));
    },
    remove: ({ keepLogs }) => rmSync(keepLogs ? join(path, noteName) : path, { recursive: true, force: true }),
  };
};

/** The last line that a service wrote, for an error that has to say why. */
export const lastLineOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").at(-1)?.slice(0, 500) ?? "";
  } catch (error) {
    return messageOf(error);
  }
};
