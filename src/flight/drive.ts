/** The lifecycle chart, driven by recorded events alone: no actor answers and no timer fires. */
import { createActor, fromPromise, setup } from "xstate";
import type { LifecycleEvent, LifecycleSettings } from "../../machines/index.ts";
import { lifecycleMachine, statePath } from "../../machines/index.ts";
import { messageOf } from "../errors.ts";
import type { FlightEvent, FlightRecording } from "./recording.ts";

const silent = fromPromise<never, never>(() => new Promise<never>(() => {}));
/** sends nothing: its facts are among the recorded events */
const silentLease = setup({ types: {} as { events: { type: "status" } | { type: "release" } } }).createMachine({ id: "lease" });
const silentActors = Object.fromEntries(Object.keys(lifecycleMachine.implementations.actors).map((name) => [name, silent]));
/** The chart with actors that never answer; a companion is silent too. */
export const silentLifecycle = lifecycleMachine.provide({
  actors: { ...silentActors, lease: silentLease } as never,
});
const stillClock = { setTimeout: () => 0, clearTimeout: () => {} };

/** The event with its error as an Error: JSON has turned it into an object. */
const revived = (event: FlightEvent): LifecycleEvent => {
  const { error } = event as { error?: { message?: unknown; code?: unknown } };
  if (typeof error !== "object" || error === null) return event as unknown as LifecycleEvent;
  const { message, code } = error;
  return {
    ...event,
    error: Object.assign(new Error(messageOf(message)), code === undefined ? {} : { code }),
  } as unknown as LifecycleEvent;
};

/** Where the events have led the chart. */
export interface Driven {
  /** the path of the chart after each event */
  readonly paths: readonly string[];
  /** undefined where the events do not lead to an end */
  readonly outcome: "completed" | "shutdown" | "failed" | undefined;
  readonly reason: string | undefined;
}

/**
 * Sends the events, in order, to a new lifecycle chart in which nothing else happens, and returns the path after each one. An event
 * without an arrow leaves the path as it is. Synchronous; touches nothing outside of the chart.
 */
export const driveLifecycle = (settings: Partial<LifecycleSettings>, events: readonly FlightEvent[]): Driven => {
  const actor = createActor(silentLifecycle, { input: { settings, random: () => 0 }, clock: stillClock as never });
  actor.subscribe({ error: () => {} });
  actor.start();
  const paths = events.map((event) => {
    if (actor.getSnapshot().status === "active") actor.send(revived(event));
    return statePath(actor.getSnapshot());
  });
  const { output } = actor.getSnapshot();
  actor.stop();
  return { paths, outcome: output?.outcome, reason: output?.reason };
};

/** The events of a recording, each with the path after it. An eventless transition belongs to the event before it. */
export const wayOf = ({ entries }: FlightRecording): { readonly event: FlightEvent; readonly path: string }[] => {
  const way: { event: FlightEvent; path: string }[] = [];
  for (const entry of entries) {
    if (entry.kind !== "step") continue;
    const last = way.at(-1);
    if (entry.always && last) last.path = entry.path;
    else way.push({ event: entry.event, path: entry.path });
  }
  return way;
};

/** Whether the chart of this version takes the recorded path; if not, the first event after which it is elsewhere. */
export type Rerun =
  | { readonly same: true }
  | { readonly same: false; readonly event: string; readonly led: string; readonly leads: string };

/** Undefined for a recording whose first entries are no longer there. */
export const rerun = (recording: FlightRecording): Rerun | undefined => {
  if (recording.dropped > 0) return undefined;
  const way = wayOf(recording);
  const { paths } = driveLifecycle(
    recording.settings,
    way.map(({ event }) => event),
  );
  const at = way.findIndex(({ path }, index) => paths[index] !== path);
  const { event, path } = way[at] ?? {};
  return event === undefined || path === undefined
    ? { same: true }
    : { same: false, event: event.type, led: path, leads: paths[at]! };
};
