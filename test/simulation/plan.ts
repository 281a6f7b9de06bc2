/** What is going to happen to one world, drawn from a seed before it begins. All times in ms. */
import type { StateName } from "../../machines/index.ts";
import { stateNames } from "../../machines/index.ts";
import { Random } from "./random.ts";

/** What a hook does, and what it does when its signal aborts. */
export interface HookPlan {
  /** Infinity: hangs */
  readonly ms: number;
  readonly ends: "resolves" | "rejects" | "throws";
  readonly onAbort: "obeys" | "returns" | "abortError" | "late" | "rejects" | "ignores";
  readonly lateMs: number;
  /** names of the phases it works in, one within the other or side by side */
  readonly phases: readonly string[];
  readonly isNested: boolean;
  readonly releases: readonly ReleasePlan[];
  /** defers once more when it ends, however late */
  readonly defersLast: boolean;
  readonly shutsDown: "no" | "first" | "last" | "with an error";
}

export interface ReleasePlan {
  readonly ms: number;
  readonly ends: "resolves" | "rejects" | "throws";
}

/** An effect of the world: done, failed, hung, or done after it was given up. */
export interface EffectPlan {
  readonly ms: number;
  readonly ends: "resolves" | "rejects";
}

export interface Call {
  /** after the boot, or on entering a state, or that long behind it */
  readonly at: number | StateName;
  readonly behindMs: number;
  readonly reason: "a caller" | "SIGTERM" | "SIGINT" | "an error" | "uncaught";
}

export interface InstancePlan {
  readonly bootAt: number;
  readonly call: "runToCompletion" | "boot" | "boot, then runToCompletion" | "both" | "boot twice" | "never";
  readonly shutdowns: readonly Call[];
  readonly pauses: readonly { readonly at: number; readonly ms: number; readonly timersFirst: boolean }[];
  readonly crashAt: number | undefined;
  /** the draw of chance at which the service's own randomness throws, so that its chart fails */
  readonly chanceFailsAt: number | undefined;
  readonly waitsFor: StateName | undefined;
  readonly onStart: HookPlan;
  readonly run: HookPlan;
  readonly onStop: HookPlan;
  /** undefined: the tier has none */
  readonly onDrain: HookPlan | undefined;
  readonly pings: readonly EffectPlan[];
  readonly openHealth: EffectPlan;
  readonly closeHealth: EffectPlan;
  readonly close: EffectPlan;
  readonly seed: number;
}

export interface Settings {
  readonly redis: "required" | "optional" | "none";
  readonly useHealthServer: boolean;
  readonly jitterMaxMs: number;
  readonly pingAttempts: number;
  readonly startTimeoutMs: number;
  readonly registerTimeoutMs: number;
  readonly healthTimeoutMs: number;
  readonly drainDelayMs: number;
  readonly drainTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly shutdownTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly leaseTtlMs: number;
}

/** The boots of one instance id. */
export interface IdentityPlan {
  readonly settings: Settings;
  readonly boots: readonly InstancePlan[];
}

export interface ServerEvent {
  readonly at: number;
  readonly what: "flush" | "freeze" | "kill" | "kill, data kept" | "forget scripts" | "entry deleted";
  readonly ms: number;
}

export interface WorldPlan {
  /** how often something goes wrong, 0 to 1 */
  readonly trouble: number;
  readonly skewMs: number;
  readonly identities: readonly IdentityPlan[];
  readonly serverEvents: readonly ServerEvent[];
  readonly seed: number;
}

export const planOf = (seed: number): WorldPlan => {
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1));
  for (let warmUp = 0; warmUp < 2; warmUp += 1) random.next();
  const isCrowd = random.chance(0.05);
  const trouble = isCrowd ? 0.35 : random.pick([0, 0.02, 0.05, 0.1, 0.3]);
  const identities = Array.from({ length: random.chance(0.15) && !isCrowd ? 2 : 1 }, () =>
    isCrowd ? crowd(random.fork(), trouble) : identity(random.fork(), trouble),
  );
  return {
    trouble,
    skewMs: Math.floor(random.between(-5000, 5000)),
    identities,
    serverEvents: random.chance(trouble * 3) ? serverEvents(random.fork()) : [],
    seed: random.below(2 ** 31),
  };
};

const identity = (random: Random, trouble: number): IdentityPlan => {
  const settings = settingsOf(random);
  const others = random.chance(0.25) ? 1 + random.below(2) : 0;
  const boots = [instance(random.fork(), trouble, trouble, 0)];
  for (let other = 0; other < others; other += 1) {
    boots.push(instance(random.fork(), trouble, trouble, random.chance(0.3) ? random.next() * 50 : random.next() * 30_000));
  }
  return { settings, boots };
};

/** Three boots of one id whose tiers do well, beating fast over a bad network: what the registry is there for. */
const crowd = (random: Random, trouble: number): IdentityPlan => ({
  settings: { ...settingsOf(random), redis: "optional", heartbeatMs: 1000, leaseTtlMs: 3000 },
  boots: [0, 30_000, 30_000].map((latest) => instance(random.fork(), trouble, 0, random.next() * latest)),
});

const settingsOf = (random: Random): Settings => {
  const shutdownTimeoutMs = random.pick([1000, 6000, 25_000, 25_000]);
  const heartbeatMs = random.pick([1000, 2000, 5000, 5000]);
  return {
    redis: random.pick(["required", "required", "required", "optional", "none"]),
    useHealthServer: random.chance(0.8),
    jitterMaxMs: random.pick([0, 500, 2000]),
    pingAttempts: 1 + random.below(3),
    startTimeoutMs: random.pick([1000, 10_000]),
    registerTimeoutMs: random.pick([200, 2000, 2000]),
    healthTimeoutMs: random.pick([500, 3000]),
    drainDelayMs: random.pick([0, 0, 200, 900]),
    drainTimeoutMs: random.pick([0, 500, 8000]),
    stopTimeoutMs: random.pick([400, 8000]),
    shutdownTimeoutMs,
    heartbeatMs,
    leaseTtlMs: heartbeatMs * random.pick([3, 3, 4]),
  };
};

const instance = (random: Random, trouble: number, tierTrouble: number, bootAt: number): InstancePlan => {
  const hooks = random.fork();
  return {
    bootAt,
    call: random.chance(0.75)
      ? "runToCompletion"
      : random.pick(["boot", "boot, then runToCompletion", "both", "boot twice", "never"]),
    shutdowns: shutdowns(random),
    pauses: random.chance(trouble) ? [pause(random)] : [],
    crashAt: random.chance(trouble / 4) ? random.next() * 30_000 : undefined,
    chanceFailsAt: random.chance(trouble / 10) ? random.below(12) : undefined,
    waitsFor: random.chance(0.1) ? random.pick(stateNames) : undefined,
    onStart: hook(hooks, tierTrouble, 300, ["tools", "model"]),
    run: hook(hooks, tierTrouble, random.pick([1000, 60_000, 120_000, 240_000]), ["work"]),
    onStop: { ...hook(hooks, tierTrouble, 200, ["flush"]), shutsDown: "no" },
    pings: Array.from({ length: 3 }, () => effect(random, trouble, 20)),
    openHealth: effect(random, trouble / 2, 20),
    closeHealth: effect(random, trouble, 20),
    close: effect(random, trouble, 20),
    seed: random.below(2 ** 31),
    onDrain: random.chance(0.3) ? { ...hook(random, tierTrouble, 300, ["notice"]), shutsDown: "no" } : undefined,
  };
};

/** One at the latest ends what nothing else ends; often there are others, before and behind it. */
const shutdowns = (random: Random): Call[] => {
  const call = (at: Call["at"], behindMs = 0): Call => ({ at, behindMs, reason: reason(random) });
  const calls = [call(random.chance(0.25) ? random.next() * 3000 : random.next() * 240_000)];
  if (random.chance(0.3)) calls.push(call(calls[0]!.at));
  if (random.chance(0.2)) calls.push(call(random.next() * 20_000));
  if (random.chance(0.1)) calls.push(call(random.pick(stateNames)));
  if (random.chance(0.2)) calls.push(call(random.pick(stateNames), random.pick([2, 20, 2500]) * random.next()));
  return calls;
};

const reason = (random: Random): Call["reason"] =>
  random.chance(0.7) ? random.pick(["a caller", "SIGTERM", "SIGINT"]) : random.pick(["a caller", "an error", "uncaught"]);

const pause = (random: Random): InstancePlan["pauses"][number] => ({
  at: random.next() * 20_000,
  ms: random.pick([500, 3000, 20_000]) * random.next(),
  timersFirst: random.chance(0.5),
});

const effect = (random: Random, trouble: number, ms: number): EffectPlan => {
  if (!random.chance(trouble)) return { ms: random.next() * ms, ends: "resolves" };
  return {
    ms: random.pick([random.next() * ms, random.next() * 5000, Infinity]),
    ends: random.chance(0.5) ? "rejects" : "resolves",
  };
};

const hook = (random: Random, trouble: number, ms: number, phases: readonly string[]): HookPlan => ({
  ms: random.chance(trouble) ? random.pick([Infinity, random.next() * 20_000, 0]) : random.next() * ms,
  ends: random.chance(trouble) ? random.pick(["rejects", "rejects", "throws"]) : "resolves",
  onAbort: random.chance(0.7)
    ? "obeys"
    : random.pick(["returns", "abortError", random.chance(trouble * 2) ? random.pick(["late", "rejects", "ignores"]) : "obeys"]),
  lateMs: random.next() * 10_000,
  phases: random.chance(0.3) ? phases : [],
  isNested: random.chance(0.5),
  releases: random.chance(0.3) ? Array.from({ length: 1 + random.below(3) }, () => release(random, trouble)) : [],
  defersLast: random.chance(0.1),
  shutsDown: random.chance(0.05) ? random.pick(["first", "last", "with an error"]) : "no",
});

const release = (random: Random, trouble: number): ReleasePlan => ({
  ms: random.chance(trouble) ? random.pick([Infinity, random.next() * 10_000]) : random.chance(0.5) ? 0 : random.next() * 50,
  ends: random.chance(trouble) ? random.pick(["rejects", "throws"]) : "resolves",
});

const serverEvents = (random: Random): ServerEvent[] =>
  Array.from({ length: 1 + random.below(3) }, () => ({
    at: random.next() * 40_000,
    what: random.pick(["flush", "flush", "freeze", "freeze", "kill", "kill, data kept", "forget scripts", "entry deleted"]),
    ms: random.pick([500, 3000, 15_000]) * random.next(),
  }));
