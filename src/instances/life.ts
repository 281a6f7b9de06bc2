/** One boot of one instance, from its registry entry and its journal entries. They may arrive in any order. */
import type { StateName } from "../../machines/index.ts";
import { initialState, runningState, stoppingState, stopSteps } from "../../machines/index.ts";
import type { JournalItem } from "../journal/item.ts";
import type { RegistryEntry } from "../registry/entry.ts";
import { Ending } from "./ending.ts";
import { failureIn, leaseFacts } from "./facts.ts";
import { Phases } from "./phases.ts";
import type { Place } from "./place.ts";
import { placeAt } from "./place.ts";
import type { RowEnd, RowFailure, RowLease, RowPhase, Waits } from "./row.ts";
import type { Mark } from "./trace.ts";
import { Trace } from "./trace.ts";

export type Item<Kind extends JournalItem["kind"]> = Extract<JournalItem, { kind: Kind }>;

/** what is remembered of one life */
const limits = { failures: 10, leads: 16 };
/** ms without a message after which an end is assumed: after the deadline of a wait, after a delete of the entry, and where no deadline is known */
const quiet = { behindWaitMs: 5000, leavingMs: 2000, unknownMs: 60_000 };

/** the step in which the instance writes its last message */
const lastStep = `${stoppingState}.${stopSteps.at(-1)}`;

/** A deadline is written as the ms that are left, a moment after the entry of its state. */
const budget = (ms: number): number => (ms < 1000 ? ms : Math.round(ms / 100) * 100);

export class Life {
  boot: string;
  incarnation = 0;
  version = "";
  host = "";
  pid = 0;
  startedAt: number;
  /** when anything was last written of it */
  seenAt: number;
  /** on the chart, without a tier's own phase */
  chartPath: string = initialState;
  chartSince: number;
  waits: Waits | null = null;
  ready: boolean | null = null;
  reason = "";
  lease: RowLease = { state: "none", until: null };
  leads: readonly string[] = [];
  failures: readonly RowFailure[] = [];
  /** whether its parent has written of its exit */
  hasExited = false;
  /** when it first took traffic, and when it began to stop */
  readyAt: number | null = null;
  stoppingAt: number | null = null;
  readonly #trace = new Trace();
  readonly #ending = new Ending();
  #isOver = false;
  readonly phases = new Phases();

  constructor(boot: string, at: number) {
    this.boot = boot;
    this.startedAt = at;
    this.seenAt = at;
    this.chartSince = at;
    this.#mark(at);
  }

  get place(): Place {
    return placeAt(this.chartPath)!;
  }

  get state(): StateName {
    return this.place.state;
  }

  /** The tier's own phase that began last, where the life is. Those of `run` come and go too fast to be a place. */
  get #phase(): RowPhase | undefined {
    return this.state === runningState ? undefined : this.phases.openWithin(this.chartPath);
  }

  get path(): string {
    return this.#phase?.phase ?? this.chartPath;
  }

  get since(): number {
    return this.#phase?.startedAt ?? this.chartSince;
  }

  get trace(): readonly Mark[] {
    return this.#trace.marks;
  }

  get end(): RowEnd | null {
    return this.#ending.end;
  }

  takeEntry(entry: RegistryEntry, now: number): void {
    this.boot = entry.boot;
    this.incarnation = entry.incarnation;
    this.version = entry.version;
    this.host = entry.host;
    this.pid = entry.pid;
    this.noteAlive(now);
    this.#beginBy(entry.startedAt);
    if (this.lease.state === "none" || this.lease.state === "lost") this.lease = { state: "held", until: null };
    // the clock of the instance may be ahead of that of Redis
    const since = Math.min(entry.since, now);
    if (placeAt(entry.status)!.rank > this.place.rank) this.#move(entry.status, Math.max(since, this.startedAt));
  }

  /** The journal may have lost how the boot began: before any step of it is known, the entry tells the time. */
  #beginBy(at: number): void {
    if (this.chartPath !== initialState || at >= this.startedAt) return;
    this.startedAt = at;
    this.chartSince = at;
    this.#trace.beginAt(at);
  }

  step({ path, event, at }: Item<"step">): void {
    this.#noteLease(event);
    const place = placeAt(path);
    if (place === undefined || path === this.chartPath || place.rank < this.place.rank) return;
    this.#move(path, at);
  }

  begin({ phase, at }: Item<"began">): void {
    if (placeAt(phase) !== undefined) this.phases.begin(phase, at);
  }

  endPhase({ phase, ...end }: Item<"ended">): void {
    if (placeAt(phase) !== undefined) this.phases.end(phase, end);
  }

  wait({ what, deadlineMs, at }: Item<"waits">): void {
    const until = deadlineMs === null ? null : at + deadlineMs;
    // a wait that is written again in the same state has the time that is left; its total counts from the entry of the state
    const totalMs = until === null ? null : budget(until - Math.min(at, this.chartSince));
    this.waits = { what, until, totalMs };
  }

  noteReady({ ready, reason, at }: Item<"ready">): void {
    this.ready = ready;
    this.reason = ready ? "" : reason;
    if (this.place.part !== "living") return;
    if (ready) this.readyAt ??= at;
    this.#mark(at);
  }

  noteFact({ type, text }: Item<"fact">): void {
    if (type === "failed") this.#fail(failureIn(text));
    this.#noteLease(type);
  }

  /** Each fact of the lease is an event of the chart too; the journal has facts of level info as events only. */
  #noteLease(type: string): void {
    const lease = leaseFacts.get(type);
    if (lease !== undefined) this.lease = { state: lease, until: null };
  }

  lead({ name, leads }: Item<"leads">): void {
    const others = this.leads.filter((each) => each !== name);
    this.leads = leads ? [...others, name].slice(-limits.leads) : others;
  }

  noteEnd({ outcome, reason, failures, steps, at }: Item<"end">): void {
    this.failures = failures.slice(0, limits.failures);
    this.lease = { state: this.lease.state === "none" ? "none" : "released", until: null };
    this.#ending.note({ outcome, reason, at: Math.max(at, this.startedAt), steps });
  }

  expire({ at }: Pick<Item<"expired">, "at">): void {
    if (this.lease.state !== "released") this.lease = { state: "lost", until: null };
    this.assumeEnd({ outcome: "expired", reason: "its lease ended", at });
  }

  exit({ exitCode, signal, cause, at }: Item<"exited">): void {
    const isCut = this.isLeaving && exitCode !== 0;
    this.hasExited = true;
    if (cause !== "" && this.failures.length === 0 && exitCode !== 0)
      this.#fail({ phase: this.boot === "" ? "" : this.state, code: "", message: cause });
    if (this.lease.state !== "none") this.lease = { state: this.lease.state === "released" ? "released" : "lost", until: null };
    const how = signal === null ? `exited with code ${exitCode ?? "unknown"}` : `killed by ${signal}`;
    const outcome = exitCode === 0 ? "shutdown" : "failed";
    const isKept = this.#ending.isWritten && !isCut;
    this.#ending.note(isKept ? { ...this.end!, at } : { outcome, reason: how, at, steps: this.end?.steps ?? {} });
  }

  /** Its entry was deleted by the instance itself. */
  deregister(at: number): void {
    this.lease = { state: "released", until: null };
    this.assumeEnd({ outcome: "", reason: "", at });
  }

  /** Assumes an end that neither the instance nor its parent has written. */
  assumeEnd({ at, ...end }: Omit<RowEnd, "steps">): void {
    this.#ending.assume({ ...end, at: Math.max(at, this.startedAt), steps: {} });
  }

  /** Whether the stop has ended: the last message of a boot is written with the last step. */
  get hasStopped(): boolean {
    return this.#ending.isWritten && this.chartPath === lastStep;
  }

  /** Whether the instance has deleted its entry and is still stopping. */
  get isLeaving(): boolean {
    return this.end !== null && !this.#isOver && !this.hasExited && this.state === stoppingState && this.chartPath !== lastStep;
  }

  /** When an end is assumed if nothing more is written; null where the lease decides, or the end is known. */
  get quietAt(): number | null {
    const until = this.waits?.until ?? null;
    if (this.isLeaving) return Math.max(until ?? 0, this.seenAt) + quiet.leavingMs;
    if (this.end !== null || this.lease.state === "held" || this.lease.state === "suspect") return null;
    return until === null ? this.seenAt + quiet.unknownMs : until + quiet.behindWaitMs;
  }

  /** Nothing was written since `quietAt`. */
  fallSilent(at: number): void {
    // what it wrote with the delete of its entry was how the stop would end, not that it has
    if (this.isLeaving && this.#ending.isWritten) this.#ending.withdraw();
    this.#isOver = true;
    this.assumeEnd({ outcome: "expired", reason: "nothing was written by it any more", at });
  }

  /** The instance wrote or renewed something: an end that was only assumed did not happen. */
  noteAlive(at: number): void {
    this.seenAt = Math.max(this.seenAt, at);
    this.#isOver = false;
    this.#ending.refute(at);
  }

  #move(path: string, at: number): void {
    const before = this.state;
    this.chartPath = path;
    this.chartSince = Math.max(at, this.chartSince);
    const { waitsFor: what, part } = this.place;
    this.waits = what === "" ? null : { what, until: null, totalMs: null };
    if (this.state === before) return;
    if (part === "living") this.readyAt ??= at;
    if (this.state === stoppingState) this.stoppingAt ??= at;
    this.#mark(at);
  }

  #fail(failure: RowFailure): void {
    this.failures = [...this.failures, failure].slice(0, limits.failures);
  }

  #mark(at: number): void {
    const { state, part } = this.place;
    this.#trace.add({ at, state, ready: part === "living" ? this.ready : false });
  }
}
