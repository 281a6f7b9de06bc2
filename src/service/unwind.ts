/** What is undone without the chart, should the chart itself ever fail. */
import type { Begun } from "../../machines/index.ts";
import { defaultSettings } from "../../machines/settings.ts";
import type { Clock } from "../clock.ts";
import type { World } from "./effects/world.ts";
import type { HookRunner } from "./hooks/hooks.ts";

export interface Unwinding {
  readonly begun: Begun;
  readonly hooks: HookRunner;
  readonly world: World;
  readonly clock: Clock;
}

const stepMs = defaultSettings.registerTimeoutMs;

/** The steps of stopping in their order, each only if it was begun, each with a deadline of its own; no failure ends it. */
export const unwind = async ({ begun, hooks, world, clock }: Unwinding): Promise<void> => {
  const steps: [boolean, (signal: AbortSignal) => Promise<unknown>][] = [
    [begun.health, (signal) => world.closeHealth(signal)],
    [begun.lease, (signal) => world.deregisterInstance(signal)],
    [begun.tier, () => hooks.drain()],
    [begun.tier, (signal) => hooks.stop(signal)],
    [begun.releases, (signal) => hooks.release(stepMs, signal)],
    [true, (signal) => world.close(signal)],
  ];
  for (const [owed, step] of steps) if (owed) await within(clock, step);
  hooks.endReleases();
};

const within = async (clock: Clock, step: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
  const deadline = new AbortController();
  let timer: unknown;
  const overrun = new Promise<void>((resolve) => {
    timer = clock.setTimeout(() => {
      deadline.abort(new DOMException("out of time", "TimeoutError"));
      resolve();
    }, stepMs);
  });
  await Promise.race([step(deadline.signal).catch(() => {}), overrun]);
  clock.clearTimeout(timer);
};
