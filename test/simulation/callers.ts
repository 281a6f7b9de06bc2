/** The callers of a service, and the promises they hold. */
import type { StateName } from "../../machines/index.ts";
import type { StopReport } from "../../src/service/types.ts";
import type { Subject } from "./subject.ts";

const law = "the same promise for all callers";

export class Callers {
  readonly #subject: Subject;
  readonly #hasEntered: (state: StateName) => boolean;
  #shutdown: Promise<StopReport> | undefined;
  #completion: Promise<StopReport> | undefined;
  /** of the errors that come while stopping, the report keeps the first */
  #gaveLateError = false;

  constructor(subject: Subject, hasEntered: (state: StateName) => boolean) {
    this.#subject = subject;
    this.#hasEntered = hasEntered;
  }

  shutdown(reason: string | Error): void {
    const { service, evidence, clock, snapshot, isStopping, path } = this.#subject;
    const message = typeof reason === "string" ? reason : reason.message;
    this.#subject.note(`shutdown(${message}) in ${path}`);
    if (snapshot.status === "active") {
      if (reason instanceof Error) this.#owe(message, evidence.causes.length === 0 && !isStopping);
      if (!isStopping) evidence.causedBy(reason instanceof Error ? "failed" : "shutdown", message, clock.now);
    }
    this.#shutdown = this.#same(this.#shutdown, service.shutdown(reason));
  }

  runToCompletion(): void {
    this.#subject.note("runToCompletion()");
    this.#completion = this.#same(this.#completion, this.#subject.service.runToCompletion());
  }

  async boot(): Promise<void> {
    const { service, snapshot } = this.#subject;
    const isLegal = service.state === "init" && snapshot.status === "active";
    this.#subject.note("boot()");
    try {
      await service.boot();
      if (!this.#hasEntered("healthy")) this.#subject.accuse(law, "boot() resolved without healthy");
    } catch (error) {
      this.#judgeBootError(error as { code?: unknown }, isLegal);
    }
  }

  async waitFor(state: StateName, signal: AbortSignal): Promise<void> {
    const { service, evidence } = this.#subject;
    try {
      await service.waitFor(state, { signal });
      if (!this.#hasEntered(state) && !evidence.chanceFailed) this.#subject.accuse(law, `waitFor(${state}) resolved without it`);
    } catch (error) {
      const isRight = error === signal.reason || (error as { code?: unknown }).code === "SG_ERR_STATE_UNREACHABLE";
      if (!isRight) this.#subject.accuse("nothing thrown past everyone", `waitFor(${state}) rejected with ${String(error)}`);
    }
  }

  #owe(message: string, isFirst: boolean): void {
    const { evidence } = this.#subject;
    evidence.errorsGiven.add(message);
    if (isFirst || !this.#gaveLateError) evidence.owed.push({ phase: "", message });
    if (!isFirst) this.#gaveLateError = true;
  }

  #judgeBootError(error: { code?: unknown }, isLegal: boolean): void {
    const { report, snapshot, path } = this.#subject;
    const aborted = snapshot.context.cause?.outcome === "shutdown";
    const code = aborted ? "SG_ERR_BOOT_ABORTED" : report?.error?.code;
    const isRight = isLegal ? report !== undefined && error.code === code : error.code === "SG_ERR_ILLEGAL_TRANSITION";
    if (!isRight) this.#subject.accuse(law, `boot() rejected in ${path} with ${String(error)}`);
  }

  #same(before: Promise<StopReport> | undefined, now: Promise<StopReport>): Promise<StopReport> {
    if (before && before !== now) this.#subject.accuse(law, "a second call got another promise");
    if (!before) now.then(this.#agree, this.#refused);
    return now;
  }

  readonly #agree = (report: StopReport): void => {
    const given = this.#subject.report;
    const agrees = given?.outcome === report.outcome && given.reason === report.reason && given.phases === report.phases;
    if (given && !agrees) this.#subject.accuse(law, "two callers got different reports");
  };

  readonly #refused = (error: unknown): void => this.#subject.accuse(law, `a report rejected with ${String(error)}`);
}
