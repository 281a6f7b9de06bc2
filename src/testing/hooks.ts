/** Watches the hooks of one service and, where a scenario asks for it, disturbs them. The service's own code runs unchanged inside. */
import { AsyncLocalStorage } from "node:async_hooks";
import { systemClock } from "../clock.ts";
import { reinsOf } from "../service/reins.ts";
import type { StargazerService } from "../service/service.ts";
import type { HookContext, StopReport } from "../service/types.ts";
import type { LeakWatch } from "./leaks.ts";
import type { Listeners } from "./listeners.ts";
import { listenersOf } from "./listeners.ts";
import type { TurnWatch } from "./turns.ts";

export type HookName = "onStart" | "run" | "onDrain" | "onStop";

/** One call of a hook. Times are of `performance.now()`. */
export interface HookCall {
  readonly hook: HookName;
  readonly beganAt: number;
  readonly signal: AbortSignal;
  abortedAt?: number;
  settledAt?: number;
  error?: unknown;
  /** the hook called `shutdown` or `runToCompletion`, which wait for the hook itself */
  askedForEnd?: "shutdown" | "runToCompletion";
  /** phases that were under way when the hook settled */
  orphans: string[];
  /** the listeners of the process when the hook settled */
  listeners?: Listeners;
}

export interface ReleaseCall {
  readonly name: string;
  readonly hook: HookName;
  begunAt?: number;
  settledAt?: number;
  error?: unknown;
  times: number;
}

/** What a scenario does to the hooks. */
export interface Disturbance {
  /** Called at each step of `onStart`: its begin, each `phase` and `defer`. May throw, in a phase, to have it fail. */
  step?(what: string, kind: "begin" | "phase" | "defer"): void;
  /** called when `onStart` has ended, before the service learns of it */
  started?(): void;
  /** what runs in place of `run` */
  run?(): void;
}

export interface HookRecord {
  readonly calls: HookCall[];
  readonly releases: ReleaseCall[];
  /** ends the service as a caller outside would */
  shutdown(reason: string | Error): Promise<StopReport>;
}

type Hook = (context: HookContext) => Promise<void> | void;
type Hooked = Record<Exclude<HookName, "onDrain">, Hook> & { onDrain?: Hook } & Pick<
    StargazerService,
    "shutdown" | "runToCompletion"
  >;

/** the hook's call that the running code belongs to */
const inside = new AsyncLocalStorage<HookCall | undefined>();

interface Watches {
  readonly leaks: LeakWatch;
  readonly turns: TurnWatch;
}

export const watchHooks = (service: StargazerService, { leaks, turns }: Watches, disturbance: Disturbance): HookRecord => {
  if (!Object.isExtensible(service)) throw new Error("this service is frozen or sealed, so the kit cannot watch its hooks");
  const hooked = service as unknown as Hooked;
  const record = { calls: [] as HookCall[], releases: [] as ReleaseCall[] };
  for (const hook of ["onStart", "run", "onDrain", "onStop"] as const) {
    const original = hook === "run" && disturbance.run ? disturbance.run : hooked[hook];
    if (original === undefined) continue;
    hooked[hook] = (context) =>
      leaks.within(hook, () => called(hook, context, (own) => original.call(service, own), { ...record, turns, ...disturbance }));
  }
  const { shutdown } = reinsOf(service);
  recordAsking(hooked, "shutdown");
  recordAsking(hooked, "runToCompletion");
  return { ...record, shutdown };
};

/** A hook that waits for one of these waits for itself, so the call that asked is recorded. */
const recordAsking = (hooked: Hooked, name: "shutdown" | "runToCompletion"): void => {
  const original = hooked[name] as ((...args: unknown[]) => Promise<StopReport>) | undefined;
  // a field of the tier's own
  if (typeof original !== "function") return;
  hooked[name] = (...args: unknown[]) => {
    const call = inside.getStore();
    if (call !== undefined && call.settledAt === undefined) call.askedForEnd ??= name;
    return original.apply(hooked, args);
  };
};

const called = async (
  hook: HookName,
  context: HookContext,
  work: Hook,
  { calls, releases, turns, ...disturbance }: Pick<HookRecord, "calls" | "releases"> & Pick<Watches, "turns"> & Disturbance,
): Promise<void> => {
  const call: HookCall = { hook, beganAt: systemClock.now(), signal: context.signal, orphans: [] };
  calls.push(call);
  recordAbort(call);
  const leave = turns.enter(hook);
  const open: string[] = [];
  const step: NonNullable<Disturbance["step"]> = (what, kind) => {
    if (hook === "onStart") disturbance.step?.(what, kind);
  };
  try {
    step(hook, "begin");
    await inside.run(call, () => work(watchedContext(context, { call, open, releases, turns, step })));
    if (hook === "onStart") disturbance.started?.();
  } catch (error) {
    call.error = error;
    throw error;
  } finally {
    leave();
    call.settledAt = systemClock.now();
    call.orphans = [...open];
    call.listeners = listenersOf(process);
  }
};

const recordAbort = (call: HookCall): void => {
  const record = () => {
    call.abortedAt = systemClock.now();
  };
  if (call.signal.aborted) record();
  else call.signal.addEventListener("abort", record, { once: true });
};

interface Watching {
  readonly call: HookCall;
  readonly open: string[];
  readonly releases: ReleaseCall[];
  readonly turns: TurnWatch;
  readonly step: NonNullable<Disturbance["step"]>;
}

/** The same context with a watched `phase` and `defer`; own properties, so that a tier may spread it. */
const watchedContext = (context: HookContext, { call, open, releases, turns, step }: Watching): HookContext => {
  const phase: HookContext["phase"] = (name, work) =>
    context.phase(name, async () => {
      step(name, "phase");
      open.push(name);
      try {
        return await work();
      } finally {
        open.splice(open.indexOf(name), 1);
      }
    });
  const defer: HookContext["defer"] = (release) => {
    const kept: ReleaseCall = { name: release.name || "anonymous", hook: call.hook, times: 0 };
    releases.push(kept);
    context.defer(named(release.name, () => released(kept, release, turns)));
    step(kept.name, "defer");
  };
  const descriptors = Object.getOwnPropertyDescriptors(context);
  return Object.defineProperties({} as HookContext, {
    ...descriptors,
    phase: { ...descriptors.phase, value: phase },
    defer: { ...descriptors.defer, value: defer },
  });
};

const named = <F extends () => unknown>(name: string, work: F): F => Object.defineProperty(work, "name", { value: name });

const released = async (kept: ReleaseCall, release: () => unknown, turns: TurnWatch): Promise<void> => {
  kept.times += 1;
  const leave = turns.enter("a release");
  kept.begunAt ??= systemClock.now();
  try {
    await release();
  } catch (error) {
    kept.error = error;
    throw error;
  } finally {
    leave();
    kept.settledAt = systemClock.now();
  }
};
