/** Names of where a machine is. */
import type { StateName } from "./phases.ts";
import { stateNames } from "./phases.ts";

interface Positioned {
  readonly value: unknown;
}

/** The whole path of a state, `stopping.draining`, for a snapshot of any machine. */
export const statePath = ({ value }: Positioned): string =>
  typeof value === "string"
    ? value
    : Object.entries(value as object)
        .map(([key, below]) => `${key}.${statePath({ value: below })}`)
        .join("+");

/** The lifecycle's top-level state, without its substate. */
export const stateName = ({ value }: Positioned): StateName =>
  (typeof value === "string" ? value : Object.keys(value as object)[0]) as StateName;

/** Whether a service in `from` may still come to `to` (or is there): the states are entered in order and only once. */
export const canReach = (from: StateName, to: StateName): boolean => stateNames.indexOf(to) >= stateNames.indexOf(from);
