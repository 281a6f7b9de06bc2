/** Recordings as files: written synchronously, since the process is about to end, and bounded in number. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromEnvironment } from "../environment.ts";
import type { FlightRecording } from "./recording.ts";

const prefix = "stargazer-flight-";
/** files that a folder keeps, so that a service that fails repeatedly does not fill the disk */
const maxFiles = 32;

/** `SG_FLIGHT_DIR`, else the system's folder for temporary files. */
export const flightFolder = (): string => fromEnvironment("SG_FLIGHT_DIR") ?? tmpdir();

/** The time comes first, so that names sort by age. */
const nameOf = ({ service, instance, pid, writtenAt }: FlightRecording): string => {
  const who = `${service}-${instance}-${pid}`.replace(/[^\w.-]/g, "_");
  return `${prefix}${new Date(writtenAt).toISOString().replace(/[:.]/g, "-")}-${who}.json`;
};

const prune = (folder: string): void => {
  const files = readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith(".json"));
  for (const name of files.sort().slice(0, -maxFiles)) {
    try {
      rmSync(join(folder, name));
    } catch {
      // owned by another user, or already removed
    }
  }
};

/**
 * Writes a new file that only this user can read, and returns its path; of more than 32 files the oldest are removed. Creates the
 * folder. Synchronous. Throws where the folder cannot be written to.
 */
export const writeFlight = (recording: FlightRecording, folder: string): string => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, nameOf(recording));
  writeFileSync(path, `${JSON.stringify(recording, undefined, 1)}\n`, { flag: "wx", mode: 0o600 });
  prune(folder);
  return path;
};
