/** The user's folder for fleets: in it each run has a folder of its own. The Redis URL of a fleet is in it, so it is trusted or refused. */
import { accessSync, constants, lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fromEnvironment } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { isOwn, ownUid } from "../private-folder.ts";
import { maxSocketPathBytes } from "../redis/url.ts";

/** bytes below the folder: a run's folder while it is made, and the socket in it */
const runBytes = Buffer.byteLength("/.4194304-XXXXXX/up.sock");

/** `XDG_RUNTIME_DIR`, where it is a folder of this user that no other user can open. */
const runtimeFolder = (): string | undefined => {
  const path = fromEnvironment("XDG_RUNTIME_DIR");
  if (path === undefined || !isAbsolute(path) || ownUid() === undefined) return undefined;
  try {
    const found = lstatSync(path);
    return found.isDirectory() && isOwn(found) && (found.mode & 0o077) === 0 ? path : undefined;
  } catch {
    return undefined;
  }
};

/** The same in each shell of one user that has the same XDG_RUNTIME_DIR and TMPDIR. A path in which no socket fits is passed over. */
export const fleetFolder = (): string => {
  const runtime = runtimeFolder();
  const own = `stargazer-${ownUid() ?? "all"}`;
  const folders = [...(runtime === undefined ? [] : [join(runtime, "stargazer")]), join(tmpdir(), own)];
  const fits = (path: string) => process.platform === "win32" || Buffer.byteLength(path) + runBytes <= maxSocketPathBytes;
  return folders.find(fits) ?? join("/tmp", own);
};

/** Why what lies in the folder may be another user's, as a clause. */
const problemOf = (path: string): string | undefined => {
  const found = lstatSync(path);
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
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const problem = problemOf(path);
  if (problem !== undefined) throw refused(path, problem);
  return path;
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
