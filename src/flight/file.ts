/** Recordings as files: written at once, for a process that is about to end, and never more than some of them. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromEnvironment } from "../environment.ts";
import type { FlightRecording } from "./recording.ts";

const prefix = "stargazer-flight-";
/** files that a folder keeps, so that a service that fails again and again does not fill the disk */
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
      // somebody else's, or gone already
    }
  }
};

/**
 * Writes a new file for this user alone and returns its path; the oldest ones beyond 32 are removed. The folder is made
 * where there is none. Synchronous. Throws when it cannot be written to.
 */
export const writeFlight = (recording: FlightRecording, folder: string): string => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, nameOf(recording));
  writeFileSync(path, `${JSON.stringify(recording, undefined, 1)}\n`, { flag: "wx", mode: 0o600 });
  prune(folder);
  return path;
};
