/** What the kit found: one check a scenario, each a claim that held or was broken. */
import { StargazerError } from "../errors.ts";

export interface ConformanceCheck {
  readonly name: string;
  /** what has to be so */
  readonly claim: string;
  readonly verdict: "held" | "broken";
  /** what was wrong and who did it, a line each; empty where the claim held */
  readonly detail: string;
  readonly ms: number;
}

/** A tier that hangs does so in most scenarios: what was said before is not said again. */
const detailOf = ({ detail }: ConformanceCheck, before: readonly ConformanceCheck[]): string[] => {
  const same = before.find((earlier) => earlier.detail === detail);
  const lines = same === undefined ? detail.split("\n") : [`the same as in '${same.name}'`];
  return lines.map((line) => `            - ${line}`);
};

export class ConformanceReport {
  readonly service: string;
  readonly checks: readonly ConformanceCheck[];

  constructor(service: string, checks: readonly ConformanceCheck[]) {
    this.service = service;
    this.checks = checks;
  }

  /** Whether every claim held; false where nothing was checked. */
  get passed(): boolean {
    return this.checks.length > 0 && this.checks.every(({ verdict }) => verdict === "held");
  }

  /** For people: each check on a line, and below a broken one what was wrong. */
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

/** Throws, with the whole report as its message, unless every claim held. */
export const assertConforms = (report: ConformanceReport): void => {
  if (!report.passed) throw new StargazerError("SG_ERR_FAILED", String(report));
};
