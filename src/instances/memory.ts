/** The memory of the fleet: follows the registry and the journal of one Redis, and keeps the model. */
import { messageOf } from "../errors.ts";
import type { WordedLogger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import type { RegistryEvent } from "../registry/registry.ts";
import { Registry } from "../registry/registry.ts";
import { withDeadline } from "../until.ts";
import { readLeaseEnds } from "./lease-ends.ts";
import { FleetModel } from "./model.ts";
import { JournalRecall } from "./recall.ts";
import { RedisTime } from "./redis-time.ts";

/** all in ms */
const beatMs = 1000;
const beatTimeoutMs = 1500;
const retryMs = 1000;
/** a lease of the default length that ends this soon has missed a beat */
const soonMs = 9000;
/** beats between two readings of all leases, and services whose leases are read in one beat */
const allEvery = 30;
const servicesAtOnce = 200;

type Source = "registry" | "journal" | "beat";

export interface MemoryOptions {
  readonly signal: AbortSignal;
  readonly log: Pick<WordedLogger, "warn">;
}

/** Called after something was taken in; `event` where it came from the registry. */
export type MemoryListener = (event?: RegistryEvent) => void;

export class FleetMemory {
  readonly model = new FleetModel();
  readonly #time = new RedisTime();
  readonly #listeners = new Set<MemoryListener>();
  readonly #services = new Set<string>();
  /** what has to work for the model to be current; undefined before the first answer of Redis */
  readonly #works: Record<Source, boolean | undefined> = { registry: undefined, journal: undefined, beat: undefined };
  #beats = 0;
  #was = "";

  /** Whether the model has what Redis has: false before everything was read, and while Redis does not answer. */
  get isCurrent(): boolean {
    return Object.values(this.#works).every((works) => works === true);
  }

  /** Whether Redis did not answer when it was last read; false while the model is read for the first time. */
  get isAway(): boolean {
    return Object.values(this.#works).includes(false);
  }

  /** By the clock of Redis, ms since the epoch. */
  now(): number {
    return this.#time.now();
  }

  /** Calls `listener` after each change and each change of `isCurrent` or `isAway`, until the returned function is called. */
  onChange(listener: MemoryListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * Follows Redis until `signal` aborts, then resolves and leaves no connection. `redis` is a client of the caller's, for short commands.
   * Each outage is logged, and reading continues after it without a gap. Call it once.
   */
  async run(redis: RedisClient, { signal, log }: MemoryOptions): Promise<void> {
    const recall = new JournalRecall({
      redis,
      signal,
      onEntries: (entries) => {
        this.#tick();
        for (const entry of entries) this.model.note(entry);
        this.#notify();
      },
      onFailed: () => this.#turn("journal", false),
      onFollowing: () => this.#turn("journal", true),
    });
    await Promise.all([this.#watch(redis, { signal, log }), recall.run(), this.#beat(redis, recall, signal)]);
  }

  async #watch(redis: RedisClient, { signal, log }: MemoryOptions): Promise<void> {
    const registry = new Registry(redis, {
      onSkipped: (key) => log.warn({ type: "registry.skipped", key }, `an entry cannot be read and is left out: ${key}`),
    });
    while (!signal.aborted) {
      try {
        for await (const event of registry.watch(undefined, { signal })) this.#take(event);
      } catch (error) {
        if (signal.aborted) return;
        const message = messageOf(error);
        log.warn({ type: "fleet.unreadable", reason: message }, `the registry cannot be read: ${message}`);
        this.#take({ type: "stale", reason: "unreachable", message });
        await pause(retryMs, { signal });
      }
    }
  }

  #take(event: RegistryEvent): void {
    this.#tick();
    if ("entry" in event) this.#services.add(event.entry.service);
    this.model.apply(event);
    if (event.type === "synced") this.#works.registry = true;
    if (event.type === "stale") this.#works.registry = false;
    this.#notify(event);
  }

  /** Reads the time and the leases every second; without an answer the model is not current. */
  async #beat(redis: RedisClient, recall: JournalRecall, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const beat = { ms: beatTimeoutMs, what: "the time and the leases", signal };
        await withDeadline((ending) => this.#readBeat(redis, ending), beat);
        this.#turn("beat", true);
      } catch {
        if (this.#works.beat) recall.restart();
        this.#turn("beat", false);
      }
      await pause(beatMs, { signal });
    }
  }

  async #readBeat(redis: RedisClient, signal: AbortSignal): Promise<void> {
    await this.#time.read(redis, signal);
    const from = this.now();
    const to = this.#beats % allEvery === 0 ? "+inf" : from + soonMs;
    this.#beats += 1;
    const ends = await readLeaseEnds(redis, { services: this.#nextServices(), from, to, signal });
    this.#tick();
    this.model.noteLeases(ends);
    this.#notify();
  }

  /** The services whose leases are read next: all, or where there are many, some in turn. */
  #nextServices(): readonly string[] {
    const next = [...this.#services].slice(0, servicesAtOnce);
    if (this.#services.size > servicesAtOnce)
      for (const service of next) {
        this.#services.delete(service);
        this.#services.add(service);
      }
    return next;
  }

  #tick(): void {
    this.model.tick(this.now());
  }

  #turn(what: Source, works: boolean): void {
    this.#works[what] = works;
    if (this.#was !== this.#condition) this.#notify();
  }

  get #condition(): string {
    return `${this.isCurrent} ${this.isAway}`;
  }

  #notify(event?: RegistryEvent): void {
    this.#was = this.#condition;
    for (const listener of this.#listeners) listener(event);
  }
}
