/** The lifecycle chart, driven by events that were recorded: no actor answers, no timer fires, nothing happens by itself. */
import { createActor, fromPromise, setup } from "xstate";
import type { LifecycleEvent, LifecycleSettings } from "../../machines/index.ts";
import { lifecycleMachine, statePath } from "../../machines/index.ts";
import { messageOf } from "../errors.ts";
import type { FlightEvent, FlightRecording } from "./recording.ts";

const silent = fromPromise<never, never>(() => new Promise<never>(() => {}));
/** says nothing by itself: what it told was recorded */
const silentLease = setup({ types: {} as { events: { type: "status" } | { type: "release" } } }).createMachine({ id: "lease" });
const silentActors = Object.fromEntries(Object.keys(lifecycleMachine.implementations.actors).map((name) => [name, silent]));
/** The chart with nothing behind it. */
export const silentLifecycle = lifecycleMachine.provide({
  actors: { ...silentActors, lease: silentLease } as never,
});
const stillClock = { setTimeout: () => 0, clearTimeout: () => {} };

/** Errors come out of JSON as objects. */
const revived = (event: FlightEvent): LifecycleEvent => {
  const { error } = event as { error?: { message?: unknown; code?: unknown } };
  if (typeof error !== "object" || error === null) return event as unknown as LifecycleEvent;
  const { message, code } = error;
  return {
    ...event,
    error: Object.assign(new Error(messageOf(message)), code === undefined ? {} : { code }),
  } as unknown as LifecycleEvent;
};

export interface Driven {
  /** where the chart was after each event */
  readonly paths: readonly string[];
  /** how it ended; undefined if the events do not lead to an end */
  readonly outcome: "completed" | "shutdown" | "failed" | undefined;
  readonly reason: string | undefined;
}

/**
 * Sends the events, in order, to a fresh lifecycle chart in which nothing else happens, and returns where each one led. An event
 * without an arrow leads nowhere: the path stays.
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

/** The events of a recording, and where each one led then: what the chart went on to by itself is not an event of its own. */
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

/** Whether this version's chart goes the recorded way; the first event at which it does not. Undefined: the beginning is missing. */
export type Rerun =
  | { readonly same: true }
  | { readonly same: false; readonly event: string; readonly led: string; readonly leads: string };

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
