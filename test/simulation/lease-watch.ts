/** Watches the lease of one life: where it is, and that it beats in time. */
import type { LeaseSnapshot } from "../../machines/index.ts";
import { isLeaseHeld, statePath } from "../../machines/index.ts";
import type { Subject } from "./subject.ts";

/** where the lease waits for its next beat */
const waiting = ["held.waiting", "regained"];

export class LeaseWatch {
  readonly #subject: Subject;
  #last: LeaseSnapshot | undefined;
  /** since when the lease is where it is, in ms and in ms of pauses until then */
  #since = { ms: 0, pausedMs: 0 };

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** Whether a service that lives believes itself registered. */
  get believes(): boolean {
    const lease = this.#now;
    return lease?.status === "active" && isLeaseHeld(statePath(lease));
  }

  afterStep(): void {
    this.#look();
    if (this.#subject.report === undefined && !this.#subject.process.isPaused) this.#judgeBeat();
  }

  get #now(): LeaseSnapshot | undefined {
    return this.#subject.snapshot.children.lease?.getSnapshot();
  }

  #look(): void {
    const lease = this.#now;
    if (lease === undefined || lease === this.#last) return;
    const { clock, process, tally } = this.#subject;
    const path = statePath(lease);
    this.#last = lease;
    this.#since = { ms: clock.now, pausedMs: process.pausedMs };
    tally.lease(path);
    this.#subject.note(`lease ${path}`);
  }

  #judgeBeat(): void {
    const lease = this.#now;
    if (lease?.status !== "active" || !waiting.includes(statePath(lease))) return;
    const { clock, process, settings } = this.#subject;
    const waited = clock.now - this.#since.ms - (process.pausedMs - this.#since.pausedMs);
    if (waited <= settings.heartbeatMs * 1.1 + 0.01) return;
    this.#subject.accuse("no duration or beat moves with the wall clock", `no beat for ${waited.toFixed(1)} ms`);
  }
}
