/** Where a fleet is, for the other shells of its user: a file in the run's folder. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readUpTo } from "../bounded-file.ts";
import { number, object, optional, readJson, text, time } from "../schema.ts";

/** Readable for the same user only, because of the password in the Redis URL, and the token. */
export interface FleetNote {
  readonly pid: number;
  readonly redisUrl: string;
  /** what requests to the page and the gateways carry; absent in the note of an older version */
  readonly token?: string;
  /** http URLs, that of the page with the token in its fragment; absent where the tier is left out or does not listen yet */
  readonly gateway?: string;
  readonly web?: string;
  /** ms since the epoch */
  readonly startedAt: number;
  /** the folder in which `up` was started */
  readonly cwd: string;
}

/** larger than any note */
const maxBytes = 65_536;

const read = object({
  pid: number,
  redisUrl: text(4096),
  token: optional(text(256)),
  gateway: optional(text(1024)),
  web: optional(text(1024)),
  startedAt: time,
  cwd: text(4096),
});

/** The file of the note. */
export const noteIn = (folder: string): string => join(folder, "fleet.json");

/** Undefined where there is none, or none that can be read. */
export const readNote = (folder: string): FleetNote | undefined => {
  try {
    const json = readUpTo(noteIn(folder), maxBytes);
    return json === undefined ? undefined : readJson(json, { bytes: maxBytes, read });
  } catch {
    return undefined;
  }
};

/** Publishes where the fleet is; a reader gets the old note or the new one. Throws if it cannot be written. */
export const publishNote = (folder: string, note: FleetNote): void => {
  const draft = `${noteIn(folder)}.draft`;
  writeFileSync(draft, JSON.stringify(note), { mode: 0o600 });
  renameSync(draft, noteIn(folder));
};

/** No shell finds the fleet any more. */
export const removeNote = (folder: string): void => rmSync(noteIn(folder), { force: true });
