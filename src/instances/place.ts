/** The place of a path on the lifecycle chart. Paths come from other processes: one that the chart does not have has no place. */
import type { StateName } from "../../machines/index.ts";
import { lifecycleMachine, lifePartOf, stateNames, stoppingState, tagsAt, takesWork, waitsForAt } from "../../machines/index.ts";
import type { EndKind } from "../journal/outcomes.ts";
import type { Kind } from "./row.ts";

/** A path on the chart. */
export interface Place {
  readonly state: StateName;
  /** the order in which states are entered; a life never goes back */
  readonly rank: number;
  readonly part: Exclude<Kind, EndKind>;
  /** what the chart waits for there; empty if nothing */
  readonly waitsFor: string;
}

/** By the tags of the path. The registry has a state without its step, which may have no tags: then by the state. */
const partAt = (path: string): Place["part"] => {
  const tags = tagsAt(lifecycleMachine, path);
  if (tags.includes("booting")) return "booting";
  if (tags.includes("ready") || takesWork(path)) return "living";
  return lifePartOf(path) === "stop" ? stoppingState : "booting";
};

const findPlace = (path: string): Place | undefined => {
  const [word] = path.split(".", 1);
  const state = stateNames.find((name) => name === word);
  if (state === undefined) return undefined;
  return { state, rank: stateNames.indexOf(state), part: partAt(path), waitsFor: waitsForAt(lifecycleMachine, path) };
};

/** places by path, bounded: the chart has some twenty paths, a hostile writer any number */
const memory = new Map<string, Place | undefined>();
const memoryLimit = 256;

/** Undefined for a path or a phase that begins with none of the nine states. */
export const placeAt = (path: string): Place | undefined => {
  if (!memory.has(path)) {
    if (memory.size >= memoryLimit) memory.clear();
    memory.set(path, findPlace(path));
  }
  return memory.get(path);
};
