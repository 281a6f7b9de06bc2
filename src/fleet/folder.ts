/** The user's folder for fleets: in it each run has a folder of its own. The Redis URL of a fleet is in it, so it is trusted or refused. */
import type { Stats } from "node:fs";
import { accessSync, constants, lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fromEnvironment } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { isOwn, ownUid } from "../private-folder.ts";
import { maxSocketPathBytes } from "../redis/url.ts";

/** bytes below the folder: a run's folder while it is made, and the socket in it */
const runBytes = Buffer.byteLength("/.4194304-XXXXXX/up.sock");

/** `path`, where it is a folder of this user that no other user can open. */
const closed = (path: string | undefined): string | undefined => {
  if (path === undefined || !isAbsolute(path) || ownUid() === undefined) return undefined;
  try {
    const found = lstatSync(path);
    return found.isDirectory() && isOwn(found) && (found.mode & 0o077) === 0 ? path : undefined;
  } catch {
    return undefined;
  }
};

const inRuntime = (path: string | undefined): string[] => {
  const runtime = closed(path);
  return runtime === undefined ? [] : [join(runtime, "stargazer")];
};

const fits = (path: string): boolean => process.platform === "win32" || Buffer.byteLength(path) + runBytes <= maxSocketPathBytes;

/** In order of preference. A path too long for a socket is skipped. */
const ownFolders = (): [string, ...string[]] => {
  const own = `stargazer-${ownUid() ?? "all"}`;
  const folders = [...inRuntime(fromEnvironment("XDG_RUNTIME_DIR")), join(tmpdir(), own)].filter(fits);
  return [folders[0] ?? join("/tmp", own), ...folders.slice(1)];
};

/** The folder of this shell's fleets: the same for all shells of a user with the same XDG_RUNTIME_DIR and TMPDIR. */
export const fleetFolder = (): string => ownFolders()[0];

/** The folders of shells whose XDG_RUNTIME_DIR differs from this one's: under cron or su it is missing. */
const otherFolders = (): string[] => {
  const [, ...others] = ownFolders();
  return fromEnvironment("XDG_RUNTIME_DIR") === undefined ? inRuntime(`/run/user/${ownUid()}`) : others;
};

/** What is at the path; undefined for nothing, also where a folder above it is a file. */
const foundAt = (path: string): Stats | undefined => {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", `the folder of this user's fleets cannot be read: ${messageOf(error)}`);
  }
};

/** Why what lies in the folder may be another user's, as a clause. */
const problemOf = (found: Stats): string | undefined => {
  if (!found.isDirectory()) return "is a symbolic link or no folder";
  if (!isOwn(found)) return "belongs to another user";
  return ownUid() !== undefined && (found.mode & 0o022) !== 0 ? "can be written to by other users" : undefined;
};

const refused = (path: string, problem: string): StargazerError =>
  new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    `the folder of this user's fleets, ${path}, ${problem}, so the address of a fleet that it names may be another user's: remove it, or set XDG_RUNTIME_DIR or TMPDIR to a folder of your own`,
  );

/** The folder, if there is one. Throws `SG_ERR_CONFIG_INVALID` where other users could have written to it. */
export const existingFleetFolder = (): string | undefined => {
  const path = fleetFolder();
  const found = foundAt(path);
  if (found === undefined) return undefined;
  const problem = problemOf(found);
  if (problem !== undefined) throw refused(path, problem);
  return path;
};

/**
 * That folder and those of other shells, if they exist. Throws as `existingFleetFolder` does; a folder of another shell that other users
 * could have written to is skipped.
 */
export const existingFleetFolders = (): string[] => {
  const own = existingFleetFolder();
  const isTrusted = (path: string) => {
    const found = foundAt(path);
    return found !== undefined && problemOf(found) === undefined;
  };
  return [...(own === undefined ? [] : [own]), ...otherFolders().filter(isTrusted)];
};

/** Makes the folder where there is none. Throws as `existingFleetFolder` does, and where it cannot be made. */
export const openFleetFolder = (): string => {
  mkdirSync(fleetFolder(), { recursive: true, mode: 0o700 });
  return existingFleetFolder()!;
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
