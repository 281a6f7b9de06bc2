/** The boots of one instance, and the row that is built from them. */
import { finalState } from "../../machines/index.ts";
import { defaultSettings } from "../../machines/settings.ts";
import type { JournalEntry, JournalItem } from "../journal/entry.ts";
import { endKindOf } from "../journal/outcomes.ts";
import type { InstanceName, RegistryEntry } from "../registry/entry.ts";
import { nameOf } from "../registry/fleet-view.ts";
import { spansOf, trimmed } from "./lane.ts";
import { Life } from "./life.ts";
import { orderOf } from "./order.ts";
import type { Boot, Kind, Row, RowLease, RowMoment, RowParent, Span } from "./row.ts";
import { momentOf } from "./sentences.ts";
import { summaryOf } from "./summary.ts";
import { take } from "./take.ts";

const boots = 10;
const momentsLimit = 50;

type Exited = Extract<JournalItem, { kind: "exited" }>;

export class History {
  readonly name: string;
  readonly #instance: InstanceName;
  /** oldest first; never empty once anything was taken in */
  readonly #lives: Life[] = [];
  /** the spans of boots that are no longer among the lives */
  #past: readonly Span[] = [];
  #parent: RowParent | null = null;
  #moments: readonly RowMoment[] = [];
  #ttlMs = 0;
  #row: Row | undefined;

  constructor(instance: InstanceName) {
    this.#instance = { service: instance.service, instance: instance.instance };
    this.name = nameOf(instance);
  }

  get newest(): Life {
    return this.#lives.at(-1)!;
  }

  get isRegistered(): boolean {
    return this.newest.end === null && this.newest.lease.state !== "none";
  }

  takeEntry(entry: RegistryEntry, now: number): void {
    this.#changed();
    const known = this.#find(entry) ?? this.#add(new Life(entry.boot, Math.min(entry.startedAt, now)));
    known.takeEntry(entry, now);
    this.#sort();
  }

  /** The entry of that boot was deleted, by itself or because its lease ended. */
  dropEntry(type: "deregistered" | "expired", entry: RegistryEntry, now: number): void {
    const life = this.#find(entry);
    if (life === undefined) return;
    this.#changed();
    if (type === "expired") life.expire({ at: now });
    else life.deregister(now);
  }

  /** The lease of the newest boot ended then. */
  expire(at: number): void {
    this.#changed();
    this.newest.expire({ at });
  }

  note(entry: JournalEntry): void {
    this.#changed();
    for (const item of entry.items) this.#noteItem(entry, item);
    this.#sort();
  }

  /** The lease ends then, as Redis has it. Returns whether that changes the row. */
  noteLease(until: number, now: number): boolean {
    this.#ttlMs = Math.max(this.#ttlMs, until - now);
    const before = this.newest.lease;
    if (this.newest.end !== null || (before.state !== "held" && before.state !== "suspect")) return false;
    const isSuspect = until - now < this.#ttlMs / 2;
    const lease: RowLease = isSuspect ? { state: "suspect", until } : { state: "held", until: null };
    if (before.state === lease.state && before.until === lease.until) return false;
    this.newest.lease = lease;
    this.#changed();
    return true;
  }

  /** Assumes the end of the newest boot where it has written nothing for too long. Returns whether that changes the row. */
  fallSilent(now: number): boolean {
    const { quietAt } = this.newest;
    if (quietAt === null || quietAt > now) return false;
    this.newest.fallSilent(quietAt);
    this.#changed();
    return true;
  }

  /** As it is at `now`; the same object until something changes. */
  row(now: number): Row {
    this.#row ??= this.#build(now);
    return this.#row;
  }

  #changed(): void {
    this.#row = undefined;
  }

  #noteItem(entry: JournalEntry, item: JournalItem): void {
    const life = item.kind === "exited" && entry.boot === "" ? this.#exiting(item) : this.#writing(entry, item.at);
    const { path } = life;
    take(life, item);
    if (item.kind === "exited" && life === this.newest) this.#noteParent(item);
    if (item.kind === "step" && life.path === path) return;
    const moment = momentOf(item);
    if (moment !== undefined) this.#moments = [...this.#moments, moment].slice(-momentsLimit);
  }

  /** The boot that wrote a message. Before the boot registers, only the journal has its version. */
  #writing({ boot, incarnation, version }: JournalEntry, at: number): Life {
    const life = (boot === "" ? this.#lives.at(-1) : this.#find({ boot })) ?? this.#add(new Life(boot, at));
    if (incarnation > 0) life.incarnation = incarnation;
    if (version !== "") life.version = version;
    return life;
  }

  /** The boot whose process ended at that time: one that wrote nothing before its end is added. */
  #exiting({ at }: Exited): Life {
    return this.#lives.findLast((life) => !life.hasExited && life.startedAt <= at) ?? this.#add(new Life("", at));
  }

  #noteParent({ exitCode, signal, nextTryAt, tries }: Exited): void {
    this.#parent = { exitCode, signal, nextTryAt, tries };
  }

  #find({ boot }: Pick<RegistryEntry, "boot">): Life | undefined {
    return boot === "" ? undefined : this.#lives.findLast((life) => life.boot === boot);
  }

  #add(life: Life): Life {
    this.#lives.push(life);
    return life;
  }

  /** Sorts the boots, the newest last. A boot before the newest has ended, whether it wrote its end or not. */
  #sort(): void {
    this.#lives.sort((a, b) => orderOf(a) - orderOf(b));
    for (const [at, life] of this.#lives.slice(0, -1).entries()) {
      const next = this.#lives[at + 1]!;
      life.phases.forget();
      if (life.end === null) life.assumeEnd({ outcome: "expired", reason: "a newer boot took its place", at: next.startedAt });
    }
    if (this.newest.end === null) this.#forgetTry();
    while (this.#lives.length > boots) {
      const life = this.#lives.shift()!;
      this.#past = trimmed([...this.#past, ...this.#spans(life, this.#lives[0])], this.newest.startedAt);
    }
  }

  /** The next try has come. */
  #forgetTry(): void {
    if (this.#parent?.nextTryAt != null) this.#parent = { ...this.#parent, nextTryAt: null };
  }

  #spans(life: Life, next: Life | undefined): Span[] {
    return spansOf({ life, nextAt: next?.startedAt, ttlMs: this.#ttlMs || defaultSettings.leaseTtlMs });
  }

  #build(now: number): Row {
    const life = this.newest;
    const kind = life.end === null || life.isLeaving ? life.place.part : endKindOf(life.end.outcome);
    const lane = this.#lives.flatMap((each, at) => this.#spans(each, this.#lives[at + 1]));
    const summaries: Boot[] = this.#lives.map(summaryOf).reverse();
    const { boot, incarnation, version, host, pid, startedAt, lease, leads, failures, end } = life;
    return {
      ...this.#instance,
      name: this.name,
      kind,
      version,
      incarnation,
      boot,
      host,
      pid,
      startedAt,
      ...whereOf(life),
      ...readinessOf(life, kind),
      lease,
      leads: kind === "living" ? leads : [],
      failures,
      end: life.isLeaving ? null : end,
      parent: this.#parent,
      lane: trimmed([...this.#past, ...lane], now),
      boots: summaries,
      phases: life.phases.all,
      moments: this.#moments,
    };
  }
}

/** The place on the chart, the last one that is known. */
const whereOf = ({ hasStopped, end, state, path, since, waits }: Life): Pick<Row, "state" | "path" | "since" | "waits"> =>
  hasStopped ? { state: finalState, path: finalState, since: end!.at, waits: null } : { state, path, since, waits };

/** Only a living instance is ready. While its lease is not renewed, its readiness is not known. */
const readinessOf = ({ ready, reason, lease, end }: Life, kind: Kind): Pick<Row, "ready" | "reason"> => {
  if (kind !== "living") return { ready: false, reason: end?.reason ?? "" };
  return lease.state === "suspect" && lease.until !== null ? { ready: null, reason: "" } : { ready, reason };
};
