/** Names of where a machine is. */
import type { StateName } from "./phases.ts";
import { stateNames, stoppingState } from "./phases.ts";

interface Positioned {
  readonly value: unknown;
  /** XState's status of the snapshot */
  readonly status?: string;
}

/** The whole path of a state, `stopping.draining`, for a snapshot of any machine. */
export const statePath = ({ value }: Positioned): string =>
  typeof value === "string"
    ? value
    : Object.entries(value as object)
        .map(([key, below]) => `${key}.${statePath({ value: below })}`)
        .join("+");

/** The lifecycle's top-level state, without its substate. A chart that failed itself counts as stopping: the host undoes what was begun. */
export const stateName = ({ value, status }: Positioned): StateName =>
  status === "error" ? stoppingState : ((typeof value === "string" ? value : Object.keys(value as object)[0]) as StateName);

/** Whether a service in `from` may still come to `to` (or is there): the states are entered in order and only once. */
export const canReach = (from: StateName, to: StateName): boolean => stateNames.indexOf(to) >= stateNames.indexOf(from);
