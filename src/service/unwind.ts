/** What is undone without the chart, should the chart itself ever fail. */
import type { Begun } from "../../machines/index.ts";
import { defaultSettings } from "../../machines/settings.ts";
import type { Clock } from "../clock.ts";
import type { Waiting } from "../until.ts";
import type { Resources } from "./effects/resources.ts";
import type { HookRunner } from "./hooks/hooks.ts";

export interface Unwinding {
  readonly begun: Begun;
  readonly hooks: HookRunner;
  readonly resources: Resources;
  readonly clock: Clock;
}

const stepMs = defaultSettings.registerTimeoutMs;

/** The steps of stopping in their order, each only if it was begun, each with a deadline of its own; no failure ends it. */
export const unwind = async ({ begun, hooks, resources, clock }: Unwinding): Promise<void> => {
  const steps: [boolean, (waiting: Waiting) => Promise<unknown>][] = [
    [begun.health, (waiting) => resources.closeHealth(waiting)],
    [begun.lease, (waiting) => resources.entry.deregister(waiting)],
    [begun.tier, () => hooks.drain()],
    [begun.tier, (waiting) => hooks.stop(waiting)],
    [begun.releases, (waiting) => hooks.release({ withinMs: stepMs }, waiting)],
    [true, (waiting) => resources.close(waiting)],
  ];
  for (const [owed, step] of steps) if (owed) await within(clock, step);
  hooks.endReleases();
};

const within = async (clock: Clock, step: (waiting: Waiting) => Promise<unknown>): Promise<void> => {
  const deadline = new AbortController();
  let timer: unknown;
  const overrun = new Promise<void>((resolve) => {
    timer = clock.setTimeout(() => {
      deadline.abort(new DOMException("out of time", "TimeoutError"));
      resolve();
    }, stepMs);
  });
  await Promise.race([step({ signal: deadline.signal }).catch(() => {}), overrun]);
  clock.clearTimeout(timer);
};
