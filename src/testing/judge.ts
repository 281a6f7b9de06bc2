/** What a service owes in every scenario: each breach is a sentence that names the hook or the release. */
import { effectPhases, finalState, isOpen, stateNames } from "../../machines/index.ts";
import { messageOf } from "../errors.ts";
import type { ServiceFact } from "../service/report/facts.ts";
import type { StopReport } from "../service/types.ts";
import type { HookCall, HookName, ReleaseCall } from "./hooks.ts";

/** What the scenario itself causes, and so is no breach. */
export interface Forgiven {
  /** a failure with this in its message was injected */
  readonly failure?: string;
  /** an `onStop` or a release may end only at its deadline, because Redis is away */
  readonly slowStop?: boolean;
}

export interface Trialled {
  readonly calls: readonly HookCall[];
  readonly releases: readonly ReleaseCall[];
  readonly facts: readonly ServiceFact[];
  readonly report: StopReport;
  /** ms from asking to the report */
  readonly stopMs: number;
  readonly budgetMs: number;
  readonly obeyWithinMs: number;
}

const whole = (ms: number): string => `${Math.round(ms)} ms`;

export const judge = (trial: Trialled, forgiven: Forgiven = {}): string[] => [
  ...pairing(trial.calls),
  ...trial.calls.flatMap((call) => obedience(call, trial, forgiven)),
  ...trial.releases.flatMap((release) => releasing(release)),
  ...orphans(trial.calls),
  ...states(trial.facts),
  ...phases(trial.report),
  ...budget(trial),
  ...failures(trial, forgiven),
];

const times = (calls: readonly HookCall[], hook: HookName): number => calls.filter((call) => call.hook === hook).length;

const pairing = (calls: readonly HookCall[]): string[] => {
  const [starts, runs, drains, stops] = (["onStart", "run", "onDrain", "onStop"] as const).map((hook) => times(calls, hook)) as [
    number,
    number,
    number,
    number,
  ];
  return [
    ...(starts > 1 ? [`onStart was called ${starts} times`] : []),
    ...(runs > 1 ? [`run was called ${runs} times`] : []),
    ...(drains > 1 ? [`onDrain was called ${drains} times`] : []),
    ...(stops === Math.min(starts, 1) ? [] : [`onStop was called ${stops} times after onStart was begun ${starts} times`]),
  ];
};

const deadlock = ({ hook, askedForEnd }: HookCall): string =>
  askedForEnd === undefined
    ? ""
    : ` It called ${askedForEnd}() and did not end: ${hook} must not await what waits for ${hook} (deadlock). Call it without await.`;

/** A hook ends soon after its signal aborted; `onStop`, whose signal is its deadline, before that. The kit gives `onDrain` no delay. */
const obedience = (call: HookCall, { obeyWithinMs }: Trialled, { slowStop = false }: Forgiven): string[] => {
  const { hook, abortedAt, settledAt = Number.POSITIVE_INFINITY, beganAt } = call;
  if (abortedAt === undefined) return settledAt < Number.POSITIVE_INFINITY ? [] : [`${hook} never ended.${deadlock(call)}`];
  const lateMs = settledAt - abortedAt;
  if (lateMs > obeyWithinMs) {
    const when = Number.isFinite(lateMs)
      ? `ended ${whole(lateMs)} after its signal aborted`
      : "never ended, although its signal aborted";
    return [
      `${hook} ${when}; ${whole(obeyWithinMs)} are allowed. What it waits for has to end with context.signal.${deadlock(call)}`,
    ];
  }
  if (hook !== "onStop" || slowStop || lateMs <= 0) return [];
  return [`onStop ended only when its signal aborted, at its deadline of ${whole(abortedAt - beganAt)}.`];
};

const releasing = ({ name, hook, times: count, begunAt, settledAt, error }: ReleaseCall): string[] => {
  const who = `the release '${name}' that ${hook} deferred`;
  if (begunAt === undefined) return [`${who} was never called`];
  if (count > 1) return [`${who} was called ${count} times`];
  if (settledAt === undefined) return [`${who} never ended; it has to end by itself, it gets no signal`];
  return error === undefined ? [] : [`${who} failed: ${messageOf(error)}`];
};

const orphans = (calls: readonly HookCall[]): string[] =>
  calls.flatMap(({ hook, orphans: open }) =>
    open.map(
      (name) =>
        `the phase '${name}' was still under way when ${hook} had ended: await context.phase(), also when another one fails (Promise.allSettled)`,
    ),
  );

const states = (facts: readonly ServiceFact[]): string[] => {
  const entered = facts.flatMap((fact) => (fact.type === "state.entered" ? [fact.state] : []));
  const places = entered.map((state) => stateNames.indexOf(state));
  const isRising = places.every((place, at) => at === 0 || place > places[at - 1]!);
  return isRising && entered.at(-1) === finalState ? [] : [`the states came as ${entered.join(", ")}`];
};

const phases = ({ phases: all }: StopReport): string[] =>
  all.flatMap((record) => [
    ...(isOpen(record) ? [`the phase '${record.phase}' has no end`] : []),
    ...(record.durationMs < 0 ? [`the phase '${record.phase}' took ${record.durationMs} ms`] : []),
  ]);

const budget = ({ stopMs, budgetMs }: Trialled): string[] =>
  stopMs <= budgetMs ? [] : [`stopping took ${whole(stopMs)} of a budget of ${whole(budgetMs)}`];

/** The failures of the report that no sentence above explains. */
const failures = ({ report, calls, releases }: Trialled, { failure: injected, slowStop = false }: Forgiven): string[] => {
  const late = (hook: HookName) =>
    calls.some(
      (call) =>
        call.hook === hook && call.abortedAt !== undefined && (call.settledAt ?? Number.POSITIVE_INFINITY) > call.abortedAt,
    );
  const isExplained = (phase: string, code: string): boolean => {
    if (code === "SG_ERR_DRAIN_TIMEOUT") return late("onStart") || late("run") || late("onDrain");
    if (phase === effectPhases.stopTier) return code === "SG_ERR_STOP_TIMEOUT" && (slowStop || late("onStop"));
    return (
      phase === effectPhases.releaseTier &&
      (slowStop || releases.some(({ settledAt, error }) => settledAt === undefined || error !== undefined))
    );
  };
  return report.failures
    .filter(({ phase, code, message }) => !(injected !== undefined && message.includes(injected)) && !isExplained(phase, code))
    .map(({ phase, message }) => `it failed in ${phase}: ${message}`);
};
