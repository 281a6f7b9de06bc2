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
    const lines = this.checks.flatMap(({ name, claim, verdict, detail, ms }) => [
      `  ${verdict === "held" ? "held  " : "BROKEN"}  ${name.padEnd(width)}  ${String(Math.round(ms)).padStart(6)} ms`,
      ...(verdict === "held"
        ? []
        : [`            claim: ${claim}`, ...detail.split("\n").map((line) => `            - ${line}`)]),
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
