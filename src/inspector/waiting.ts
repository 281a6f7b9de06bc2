/** What a service waits for where it is, and how long that may take. */
import type { LifecycleContext, PhaseRecord } from "../../machines/index.ts";
import { isOpen } from "../../machines/index.ts";
import type { ChartTimer } from "./recorder.ts";

export interface Waiting {
  /** `Redis to answer PING, attempt 2 of 3`; empty where there is nothing to wait for */
  readonly what: string;
  /** the deadline that the chart has set; null where there is none */
  readonly deadline: Omit<ChartTimer, "machine"> | null;
}

const texts: Readonly<Record<string, string>> = {
  init: "boot",
  jitter: "its turn, so that replicas do not start in step",
  "pinging.backoff": "the next attempt",
  starting: "onStart",
  registering: "the registry's first answer",
  "healthy.opening": "the health server to listen",
  "healthy.ready": "run",
  running: "run to return",
  "stopping.announcing": "load balancers to notice",
  "stopping.closing": "the health server's last answers",
  "stopping.deregistering": "the registry entry to be deleted",
  "stopping.draining": "work in flight to end",
  "stopping.unwinding": "onStop",
  "stopping.releasing": "what was deferred to be released",
  "stopping.disconnecting": "the Redis connections to close",
};

/** A tier's own phase says more than `onStart` does. */
const innermost = (phases: readonly PhaseRecord[], below: string): string | undefined =>
  phases.findLast((record) => isOpen(record) && record.phase.startsWith(`${below}.`))?.phase.slice(below.length + 1);

const whatFor = (path: string, { attempt, settings, phases }: LifecycleContext): string => {
  if (path === "pinging.attempt") return `Redis to answer PING, attempt ${attempt} of ${settings.pingAttempts}`;
  const text = texts[path] ?? "";
  const own = path === "starting" || path === "running" ? innermost(phases, path) : undefined;
  return own === undefined ? text : `${own}, in ${path === "starting" ? "onStart" : "run"}`;
};

/** `timers` are those of the machine that is at `path`; the one that ends first is the deadline. */
const nearest = (timers: readonly ChartTimer[]): Waiting["deadline"] => {
  const [first] = [...timers].sort((a, b) => a.startedAt + a.delayMs - (b.startedAt + b.delayMs));
  return first === undefined ? null : { name: first.name, startedAt: first.startedAt, delayMs: first.delayMs };
};

export const waitingOf = (path: string, context: LifecycleContext, timers: readonly ChartTimer[]): Waiting => ({
  what: whatFor(path, context),
  deadline: nearest(timers.filter(({ machine }) => machine === "lifecycle")),
});

const leaseTexts: Readonly<Record<string, string>> = {
  registering: "the entry to be written",
  "held.waiting": "the next beat",
  "held.beating": "Redis to confirm the beat",
  "suspect.waiting": "the next try",
  "suspect.beating": "Redis to confirm the beat",
  "lost.registering": "the entry to be written again",
  "lost.waiting": "the next try",
  regained: "a beat to confirm it",
  releasing: "the entry to be deleted",
};

/** The same of the lease. `suspect` has two timers; that of the next try ends first. */
export const leaseWaitingOf = (path: string, timers: readonly ChartTimer[]): Waiting => ({
  what: leaseTexts[path] ?? "",
  deadline: nearest(timers.filter(({ machine }) => machine === "lease")),
});
