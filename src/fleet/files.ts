/** How other shells find a fleet that `up` runs on this machine: one private folder a user, in it one folder a running `up`. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
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

/** The ports that the fleets on this machine have chosen, whether they listen already or not. */
export interface Claims {
  /** of the other fleets of this user */
  others(): readonly { readonly pid: number; readonly ports: readonly number[] }[];
  /** Says which are ours, in place of those that were said before. */
  note(ports: readonly number[]): void;
}

/** Of a fleet that has no folder. */
export const noClaims: Claims = { others: () => [], note() {} };

const noteName = "fleet.json";
const claimsName = "ports.json";
const userFolder = (): string => join(tmpdir(), `stargazer-${userInfo().uid}`);

/** Why the user's folder cannot be trusted: the temporary folder is everybody's. */
const problemOf = (folder: string): string | undefined => {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return "it is not there";
  const { uid } = userInfo();
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) return "it belongs to somebody else";
  return undefined;
};

/** Why nothing can be kept for a while on this machine, as a clause; undefined if it can. */
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

const claimedIn = (folder: string): number[] => {
  try {
    const ports = JSON.parse(readFileSync(join(folder, claimsName), "utf8")) as unknown;
    return Array.isArray(ports) ? ports.filter((port) => Number.isInteger(port)) : [];
  } catch {
    return [];
  }
};

const othersClaims = (): { pid: number; ports: number[] }[] =>
  runFolders()
    .filter(({ pid }) => pid !== process.pid && isAlive(pid))
    .map(({ folder, pid }) => ({ pid, ports: claimedIn(folder) }));

/** At once and whole. */
const writeWhole = (folder: string, name: string, value: unknown): void => {
  const draft = join(folder, `${name}.draft`);
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  renameSync(draft, join(folder, name));
};

/** A claim spares others a start in vain; what listens is decided by listening, so a disk that is full is no reason to fail. */
const noteClaims = (folder: string, ports: readonly number[]): void => {
  try {
    writeWhole(folder, claimsName, ports);
  } catch {
    // nobody reads it
  }
};

export interface RunFolder {
  /** where the logs are */
  readonly path: string;
  readonly claims: Claims;
  /** Says where the fleet is. */
  publish(note: FleetNote): void;
  /** No shell finds the fleet any more; with `keepLogs` the logs stay until the next `up`. */
  remove(options: { keepLogs: boolean }): void;
}

/** The folder of this process's fleet. What earlier, dead ones left is removed. Throws if the folder cannot be had. */
export const openRunFolder = (): RunFolder => {
  const root = userFolder();
  if (!existsSync(root)) mkdirSync(root, { mode: 0o700 });
  const problem = problemOf(root);
  if (problem !== undefined) throw new Error(`${root} cannot be used: ${problem}`);
  chmodSync(root, 0o700);
  for (const { folder, pid } of runFolders()) if (!isAlive(pid)) rmSync(folder, { recursive: true, force: true });
  const path = join(root, String(process.pid));
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  return {
    path,
    claims: { others: othersClaims, note: (ports) => noteClaims(path, ports) },
    publish: (note) => writeWhole(path, noteName, note),
    remove: ({ keepLogs }) => {
      for (const name of [noteName, claimsName]) rmSync(join(path, name), { force: true });
      if (!keepLogs || !existsSync(path) || readdirSync(path).length === 0) rmSync(path, { recursive: true, force: true });
    },
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
