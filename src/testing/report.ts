/** The result of the kit: one check for each scenario, whose claim held or was broken. */
import { StargazerError } from "../errors.ts";

/** The result of one scenario. */
export interface ConformanceCheck {
  /** the name of the scenario */
  readonly name: string;
  /** what has to be so */
  readonly claim: string;
  /** whether the claim was so */
  readonly verdict: "held" | "broken";
  /** each breach on a line, with the hook or the release that it is of; empty where the claim held */
  readonly detail: string;
  /** how long the scenario took, in ms */
  readonly ms: number;
}

/** A tier that hangs does so in most scenarios, so the same detail is written once. */
const detailOf = ({ detail }: ConformanceCheck, before: readonly ConformanceCheck[]): string[] => {
  const same = before.find((earlier) => earlier.detail === detail);
  const lines = same === undefined ? detail.split("\n") : [`the same as in '${same.name}'`];
  return lines.map((line) => `            - ${line}`);
};

/** The checks of one service. `String(report)` is the report to read. */
export class ConformanceReport {
  /** the name of the service on trial */
  readonly service: string;
  /** one for each scenario that was played, in order */
  readonly checks: readonly ConformanceCheck[];

  constructor(service: string, checks: readonly ConformanceCheck[]) {
    this.service = service;
    this.checks = checks;
  }

  /** Whether every claim held; false where nothing was checked. */
  get passed(): boolean {
    return this.checks.length > 0 && this.checks.every(({ verdict }) => verdict === "held");
  }

  /** Each check on a line, and below a broken one its claim and its breaches. */
  toString(): string {
    const broken = this.checks.filter(({ verdict }) => verdict === "broken").length;
    const width = Math.max(...this.checks.map(({ name }) => name.length));
    const lines = this.checks.flatMap((check, at) => [
      `  ${check.verdict === "held" ? "held  " : "BROKEN"}  ${check.name.padEnd(width)}  ${String(Math.round(check.ms)).padStart(6)} ms`,
      ...(check.verdict === "held" ? [] : [`            claim: ${check.claim}`, ...detailOf(check, this.checks.slice(0, at))]),
    ]);
    const verdict = this.passed
      ? "conforms"
      : broken === 0
        ? "was not checked"
        : `does not conform: ${broken} of ${this.checks.length} claims broken`;
    return [`${this.service} ${verdict}`, ...lines].join("\n");
  }
}

/** Throws `SG_ERR_FAILED` with the whole report as its message, unless every claim held and at least one was checked. */
export const assertConforms = (report: ConformanceReport): void => {
  if (!report.passed) throw new StargazerError("SG_ERR_FAILED", String(report));
};
