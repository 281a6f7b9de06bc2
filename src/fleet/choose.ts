/** Which of the fleets of this machine is meant. */
import { basename, sep } from "node:path";
import { didYouMean } from "../closest.ts";
import { StargazerError } from "../errors.ts";
import type { FleetNote } from "./note.ts";

/** A fleet, and what a user has to know about the choice. */
export interface Chosen {
  readonly note: FleetNote;
  /** a sentence; undefined where no other fleet could be meant */
  readonly notice: string | undefined;
}

const nameOf = ({ cwd }: FleetNote): string => basename(cwd);
const labelOf = (note: FleetNote): string => `${note.pid} (${nameOf(note)}, started in ${note.cwd})`;
const listOf = (notes: readonly FleetNote[]): string => notes.map(labelOf).join(", ");
const refused = (message: string): StargazerError => new StargazerError("SG_ERR_USAGE", message);

/** Whether the fleet was started in `cwd` or in a folder above it. */
const isAround = (cwd: string, { cwd: folder }: FleetNote): boolean =>
  cwd === folder || cwd.startsWith(`${folder.replace(/[/\\]$/, "")}${sep}`);

/** The fleet of that pid or name, a name being that of the folder where `up` was started. Throws `SG_ERR_USAGE` for none and for several. */
export const fleetNamed = (notes: readonly FleetNote[], wanted: string): FleetNote => {
  const [found, ...more] = notes.filter((note) => String(note.pid) === wanted || nameOf(note) === wanted);
  if (found !== undefined && more.length === 0) return found;
  if (found !== undefined)
    throw refused(`several fleets are called ${wanted}: name one with --fleet PID: ${listOf([found, ...more])}.`);
  const known = notes.length === 0 ? "no fleet runs here" : `there ${notes.length === 1 ? "is only" : "are"} ${listOf(notes)}`;
  throw refused(`no fleet is called ${wanted}${didYouMean(wanted, notes.map(nameOf))}: ${known}.`);
};

/**
 * The only fleet; among several the one that was started in this folder, or in one above it. Throws `SG_ERR_USAGE`, with the names of
 * all, where that leaves more than one or none.
 */
export const fleetAround = (notes: readonly FleetNote[], cwd: string): Chosen | undefined => {
  const near = notes.filter((note) => isAround(cwd, note));
  const [note, ...more] = notes.length === 1 ? notes : near;
  if (notes.length === 0) return undefined;
  if (note === undefined || more.length > 0) {
    throw refused(`${notes.length} fleets run on this machine: name one with --fleet PID: ${listOf(notes)}.`);
  }
  if (notes.length > 1) {
    const others = notes.filter((other) => other !== note);
    return { note, notice: `the fleet is ${labelOf(note)}; --fleet names another: ${listOf(others)}` };
  }
  return { note, notice: near.length === 1 ? undefined : `the fleet is ${labelOf(note)}` };
};
