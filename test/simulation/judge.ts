/** Judges a report against what really happened. */
import type { LifecycleSnapshot } from "../../machines/index.ts";
import { stateNames } from "../../machines/index.ts";
import type { ServiceFact } from "../../src/service/report/facts.ts";
import type { StopReport } from "../../src/service/types.ts";
import type { Evidence } from "./evidence.ts";
import type { Invariant } from "./invariants.ts";

export interface Case {
  readonly accuse: (invariant: Invariant, detail: string) => void;
  readonly report: StopReport;
  readonly snapshot: LifecycleSnapshot;
  readonly evidence: Evidence;
  readonly facts: readonly ServiceFact[];
}

/** Reasons that no observer outside the chart sees before the chart acts on them. */
const causesOfTheChart = ["onStart timed out", "the health server did not open", "superseded"];

export const judgeReport = (it: Case): void => {
  judgeExitCode(it);
  judgeCause(it);
  judgeFailures(it);
  judgePhases(it);
};

const accuse = ({ accuse: record }: Case, invariant: Invariant, detail: string): void => record(invariant, detail);

const judgeExitCode = (it: Case): void => {
  const { outcome, exitCode, failures, error } = it.report;
  const law = "the exit code follows from the outcome";
  if (exitCode !== (outcome === "failed" ? 1 : 0)) accuse(it, law, `${outcome} exits ${exitCode}`);
  if ((outcome === "failed") !== failures.length > 0) accuse(it, law, `${outcome} with ${failures.length} failures`);
  if (error?.code !== failures[0]?.code) accuse(it, law, `the error is ${error?.code}, the first failure ${failures[0]?.code}`);
};

const judgeCause = (it: Case): void => {
  const { report, evidence, snapshot } = it;
  if (snapshot.status === "error") {
    if (!evidence.chanceFailed) accuse(it, "the outcome is the first cause", "the chart failed by itself");
    return;
  }
  const { causes } = evidence;
  const cause = causes.find(({ reason }) => reason === report.reason);
  const first = causes.map(({ reason }) => reason).join(" or ") || "nothing that ends a life";
  if (cause === undefined && (causes.length > 0 || !causesOfTheChart.includes(report.reason)))
    accuse(it, "the outcome is the first cause", `${report.reason}, but first was ${first}`);
  const expected = report.failures.length > 0 ? "failed" : (cause?.outcome ?? "failed");
  if (report.outcome !== expected) accuse(it, "the outcome is the first cause", `${report.outcome} instead of ${expected}`);
};

const judgeFailures = (it: Case): void => {
  if (it.snapshot.status === "error") return;
  for (const { phase, message } of it.evidence.owed) {
    const named = it.report.failures.some(
      (failure) => (phase === "" || failure.phase === phase) && failure.message.includes(message),
    );
    if (!named) accuse(it, "no failure unexplained, none unreported", `nothing in the report of ${phase} ${message}`);
  }
};

/** The states follow one another: each phase has ended when the next one begins. */
const judgeSpine = (it: Case): void => {
  const spine = it.report.phases.filter(({ phase }) => (stateNames as readonly string[]).includes(phase));
  for (const [at, { phase, offsetMs, durationMs }] of spine.entries()) {
    const next = spine[at + 1];
    if (next && offsetMs + durationMs > next.offsetMs + 0.01)
      accuse(it, "each phase reported once", `${phase} went on in ${next.phase}`);
  }
};

const judgePhases = (it: Case): void => {
  const names = it.report.phases.map(({ phase }) => phase);
  const law = "each phase reported once";
  if (names.some((name, at) => names.indexOf(name) !== at)) accuse(it, law, `reported: ${names.join(", ")}`);
  judgeSpine(it);
  const emitted = it.facts.flatMap((fact) => (fact.type === "phase.ended" ? [fact.phase] : []));
  const differ = emitted.length !== names.length || names.some((name) => !emitted.includes(name));
  if (it.snapshot.status !== "error" && differ) accuse(it, law, `emitted: ${emitted.join(", ")}; reported: ${names.join(", ")}`);
};
