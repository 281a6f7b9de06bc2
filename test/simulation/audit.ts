/** Watches the registry from outside: who wrote what over whom, and who believes it. */
import { tombstoneMs } from "../../src/registry/registration.ts";
import type { VirtualClock } from "./clock.ts";
import type { Accuse } from "./invariants.ts";
import type { Settings } from "./plan.ts";
import type { Boot } from "./registry.ts";
import { isNewer, writerOf } from "./registry.ts";
import type { Applied, SimulatedServer } from "./server.ts";
import type { Witness } from "./witness.ts";
import { bothBelieveMs } from "./witness.ts";

export interface AuditOptions {
  readonly clock: VirtualClock;
  readonly accuse: Accuse;
}

interface Known extends Boot {
  /** when its delete was applied; undefined again after a flush */
  deletedAt: number | undefined;
}

export class Audit {
  readonly #options: AuditOptions;
  readonly #boots = new Map<string, Known>();
  #wasFlushed = false;
  /** pairs of boots of one id, and since when both believe themselves registered */
  readonly #pairs: {
    readonly older: Witness;
    readonly newer: Witness;
    readonly settings: Settings;
    since: number | undefined;
    pausedMs: number;
  }[] = [];

  constructor(options: AuditOptions) {
    this.#options = options;
  }

  /** Whether the registry knows that this boot has gone. */
  hasGone(boot: string): boolean {
    return this.#boots.get(boot)?.deletedAt !== undefined;
  }

  /** Redis has lost its data: no delete is remembered any more. */
  flushed(): void {
    this.#wasFlushed = true;
    for (const boot of this.#boots.values()) boot.deletedAt = undefined;
  }

  applied({ script, args, before, after }: Applied): void {
    const [incarnation = "", id = ""] = args;
    const me = this.#boots.get(id) ?? { incarnation: Number(incarnation), id, deletedAt: undefined };
    this.#boots.set(id, me);
    if (me.incarnation !== Number(incarnation)) this.#accuse(id, "changed its incarnation");
    if (script === "deregister") me.deletedAt = this.#options.clock.now;
    if (before === after) return;
    const held = writerOf(before);
    if (held && held.id !== id && isNewer(held, me)) this.#accuse(id, `${script} changed the entry of the newer ${held.id}`);
    if (script === "deregister") {
      if (held && held.id !== id) this.#accuse(id, `deleted the entry of ${held.id}`);
    } else if (me.deletedAt !== undefined && this.#options.clock.now < me.deletedAt + tombstoneMs)
      this.#accuse(id, `${script} changed the entry after its delete`);
  }

  compare(older: Witness, newer: Witness, settings: Settings): void {
    this.#pairs.push({ older, newer, settings, since: undefined, pausedMs: 0 });
  }

  afterStep(): void {
    const { now } = this.#options.clock;
    for (const pair of this.#pairs) {
      const { older, newer, settings } = pair;
      const pausedMs = older.process.pausedMs + newer.process.pausedMs;
      const isPaused = older.process.isPaused || newer.process.isPaused;
      if (
        pair.since !== undefined &&
        !isPaused &&
        now - pair.since - (pausedMs - pair.pausedMs) > bothBelieveMs(settings) + 0.01
      ) {
        const detail = `with ${newer.who} since ${pair.since.toFixed(1)} ms`;
        this.#options.accuse("two of one id never both believe for long", older.who, detail);
        pair.since = undefined;
      }
      if (!(older.believes && newer.believes)) pair.since = undefined;
      else if (pair.since === undefined) Object.assign(pair, { since: now, pausedMs });
    }
  }

  /** Once no write is under way: a boot whose delete was confirmed has no entry. */
  atTheEnd(server: SimulatedServer, key: string, witnesses: ReadonlyMap<string, Witness>, isCalm: boolean): void {
    const holder = server.registry.holder(key);
    const witness = holder && witnesses.get(holder.id);
    if (!holder || !witness?.report) return;
    const deregistering = witness.report.phases.find(({ phase }) => phase === "stopping.deregistering");
    const wasConfirmed = deregistering?.outcome === "done" && (this.hasGone(holder.id) || !this.#wasFlushed);
    if (!wasConfirmed && !isCalm) return;
    const detail = `its entry is still there; its delete: ${deregistering?.outcome ?? "none"}`;
    this.#options.accuse("nothing registered after stopped", witness.who, detail);
  }

  #accuse(id: string, detail: string): void {
    this.#options.accuse("no write of an old incarnation succeeds", `boot ${id}`, detail);
  }
}
