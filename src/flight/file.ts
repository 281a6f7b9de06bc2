/** Recordings as files: written synchronously, since the process is about to end, and bounded in number. */
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fromEnvironment } from "../environment.ts";
import { isOwn, ownUid, privateFolder } from "../private-folder.ts";
import type { FlightRecording } from "./recording.ts";

/** files that a folder keeps, so that a service that fails repeatedly does not fill the disk */
const maxFiles = 32;
/** characters of service and instance in a name; file systems allow 255 bytes for the whole */
const maxWhoLength = 150;

const nameOf = ({ service, instance, pid, writtenAt }: FlightRecording): string => {
  const who = `${service}-${instance}`.replace(/[^\w.-]/g, "_").slice(0, maxWhoLength);
  return `stargazer-flight-${new Date(writtenAt).toISOString().replace(/[:.]/g, "-")}-${who}-${pid}.json`;
};
/** What `nameOf` returns. */
const nameForm = /^stargazer-flight-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-[\w.-]+-\d+\.json$/;

/** A folder that every user writes to may hold names that others have chosen: a folder of the user's own lies below it. */
const defaultFolder = (): string => join(tmpdir(), `stargazer-flights-${ownUid() ?? "all"}`);

/** `SG_FLIGHT_DIR` as an absolute path, else the user's private folder below the system's folder for temporary files. */
export const flightFolder = (): string => {
  const named = fromEnvironment("SG_FLIGHT_DIR");
  return named === undefined ? defaultFolder() : resolve(named);
};

/** Creates the folder. One that `SG_FLIGHT_DIR` names may be shared; the default one is checked. */
const openFolder = (folder: string): void => {
  if (folder === defaultFolder()) privateFolder(folder);
  else mkdirSync(folder, { recursive: true, mode: 0o700 });
};

/** The age of a recording that this user wrote; undefined for every other file. */
const ownFile = (path: string): { readonly path: string; readonly mtimeMs: number } | undefined => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() && isOwn(found) ? { path, mtimeMs: found.mtimeMs } : undefined;
};

/** ms by which another file may be ahead of a new one; more, and the clock that it was written by was set back since */
const aheadMs = 3_600_000;

/**
 * Removes the oldest of the user's recordings until one more fits; one from a time that is yet to come counts as older than all, or a clock
 * that was wrong once would keep 31 of them for good. A file that cannot be removed is no reason not to write.
 */
const makeRoom = (folder: string, writtenAt: number): void => {
  const rank = ({ mtimeMs }: { readonly mtimeMs: number }): number => (mtimeMs > writtenAt + aheadMs ? 0 : mtimeMs);
  const own = readdirSync(folder)
    .filter((name) => nameForm.test(name))
    .flatMap((name) => ownFile(join(folder, name)) ?? []);
  const tooMany = own.sort((a, b) => rank(b) - rank(a)).slice(maxFiles - 1);
  for (const { path } of tooMany) {
    try {
      rmSync(path);
    } catch {
      // removed meanwhile, or the folder is not writable, which the write reports
    }
  }
};

/** The whole text as a new file that only this user can read, or no file. An existing file and a symbolic link are refused. */
const writeNew = (path: string, text: string): void => {
  try {
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") rmSync(path, { force: true });
    throw error;
  }
};

/**
 * Writes a new file that only this user can read, and returns its path. Of this user's recordings the 31 newest stay beside it; other
 * files are not touched. Creates the folder. Synchronous. Throws where the file cannot be written as a whole, and leaves none then.
 */
export const writeFlight = (recording: FlightRecording, folder: string): string => {
  openFolder(folder);
  const path = join(folder, nameOf(recording));
  const text = `${JSON.stringify(recording, undefined, 1)}\n`;
  try {
    makeRoom(folder, recording.writtenAt);
  } catch {
    // a folder that can be written to but not listed
  }
  writeNew(path, text);
  return path;
};
