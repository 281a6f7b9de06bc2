/**
 * Following the registry: its event stream for what was said, its index for what ended without a word, and a full listing now and
 * then for what slipped through (a trimmed stream, a flush). One loop, one step after the other, on a blocking connection of its own.
 */
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, dropConnection, openBlockingConnection, whenReady } from "../redis/connection.ts";
import { runScript } from "../redis/script.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import type { RegistryEvent, StreamEvent } from "./events.ts";
import { streamEvent } from "./events.ts";
import { FleetView, VanishWatch } from "./fleet-view.ts";
import { registryKeys } from "./keys.ts";
import { reapScript } from "./scripts.ts";
import { unreadable } from "./unreadable.ts";
import { isWrongType } from "./wrong-type.ts";

/** all in ms */
const reapEveryMs = 250;
const syncEveryMs = 30_000;
const stepTimeoutMs = 2000;
const vanishWindowMs = 15_000;
const retryMs = 500;

const batchSize = 1000;

/** What the watch needs of the registry it belongs to. */
interface Readable {
  list(serviceName: string | undefined, options: { signal: AbortSignal }): Promise<RegistryEntry[]>;
  read(names: readonly InstanceName[]): Promise<RegistryEntry[]>;
}

export interface WatchOptions {
  readonly redis: RedisClient;
  readonly registry: Readable;
  readonly serviceName: string | undefined;
  readonly signal: AbortSignal;
}

export async function* watchRegistry(options: WatchOptions): AsyncGenerator<RegistryEvent, void, undefined> {
  if (options.signal.aborted) return;
  const watch = new Watch(options);
  try {
    yield* await watch.begin();
    for (;;) yield* await watch.next();
  } catch (error) {
    if (!options.signal.aborted) throw error;
  } finally {
    await watch.close();
  }
}

class Watch {
  readonly #options: WatchOptions;
  readonly #blocking: RedisClient;
  readonly #view = new FleetView();
  readonly #vanish = new VanishWatch(vanishWindowMs);
  readonly #services = new Set<string>();
  #lastId = "0-0";
  #reapedAt = 0;
  #syncedAt = 0;
  #trouble: string | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#blocking = openBlockingConnection(options.redis, { maxRetriesPerRequest: 0, enableOfflineQueue: false });
  }

  /** The stream's end is read before the listing, so that nothing falls between the two. */
  async begin(): Promise<RegistryEvent[]> {
    const { redis } = this.#options;
    try {
      await this.#soon((signal) => whenReady(redis, { reopen: false, signal }));
      this.#lastId = await this.#endOfStream();
    } catch (error) {
      throw await unreadable(redis, error);
    }
    return this.#sync();
  }

  async #endOfStream(): Promise<string> {
    const { redis } = this.#options;
    const [last] = await this.#soon(() => redis.xrevrange(registryKeys(redis).events, "+", "-", "COUNT", 1));
    return last?.[0] ?? "0-0";
  }

  /** The next step's events; an outage is one of them. */
  async next(): Promise<RegistryEvent[]> {
    const { signal } = this.#options;
    try {
      signal.throwIfAborted();
      if (this.#trouble !== undefined) return await this.#recover();
      if (performance.now() - this.#syncedAt > syncEveryMs) return await this.#sync();
      const events = await this.#news();
      await this.#reap();
      return events;
    } catch (error) {
      signal.throwIfAborted();
      return await this.#outage(error);
    }
  }

  async close(): Promise<void> {
    await closeRedis(this.#blocking, { signal: AbortSignal.timeout(stepTimeoutMs) });
  }

  /** One step's wait: rejects when the watch ends, and when the step takes too long. */
  #soon<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(stepTimeoutMs);
    return until(this.#options.signal, until(deadline, work(deadline)));
  }

  async #news(): Promise<RegistryEvent[]> {
    await this.#soon((signal) => whenReady(this.#blocking, { reopen: true, signal }));
    const events = registryKeys(this.#options.redis).events;
    const reply = await this.#soon(() =>
      this.#blocking.xread("COUNT", batchSize, "BLOCK", reapEveryMs, "STREAMS", events, this.#lastId),
    );
    const messages = reply?.[0]?.[1] ?? [];
    const told = messages.map(([, fields]) => streamEvent(fields)).filter((event) => this.#concerns(event));
    const entries = await this.#soon(() => this.#current(told));
    this.#lastId = messages.at(-1)?.[0] ?? this.#lastId;
    return this.#judge(told.flatMap((event) => this.#view.apply(event, entries.get(`${event.service}:${event.instance}`))));
  }

  #concerns({ service, instance }: StreamEvent): boolean {
    const { serviceName } = this.#options;
    if (service !== "") this.#services.add(service);
    return service !== "" && instance !== "" && (serviceName === undefined || service === serviceName);
  }

  async #current(told: readonly StreamEvent[]): Promise<Map<string, RegistryEntry>> {
    const names = new Map(told.map(({ service, instance }) => [`${service}:${instance}`, { service, instance }]));
    const entries = names.size === 0 ? [] : await this.#options.registry.read([...names.values()]);
    return new Map(entries.map((entry) => [`${entry.service}:${entry.instance}`, entry]));
  }

  async #reap(): Promise<void> {
    const now = performance.now();
    if (now - this.#reapedAt < reapEveryMs) return;
    this.#reapedAt = now;
    const { redis, serviceName } = this.#options;
    const keys = registryKeys(redis);
    const services = serviceName === undefined ? [...this.#services] : [serviceName];
    const reaped = services.map((service) =>
      runScript(redis, reapScript, {
        keys: [keys.index(service), keys.services, keys.events, keys.service(service, "")],
        args: [service, batchSize],
      }).catch((error: unknown) => {
        // a listing reports it
        if (!isWrongType(error)) throw error;
      }),
    );
    await this.#soon(() => Promise.all(reaped));
  }

  async #sync(): Promise<RegistryEvent[]> {
    const { registry, serviceName, signal } = this.#options;
    const listed = await registry.list(serviceName, { signal });
    const first = this.#syncedAt === 0 || this.#trouble !== undefined;
    this.#syncedAt = performance.now();
    this.#trouble = undefined;
    const events = this.#judge(this.#learn(this.#view.sync(listed)));
    return first && !this.#vanish.isStale ? [...events, this.#synced()] : events;
  }

  #learn(events: RegistryEvent[]): RegistryEvent[] {
    for (const event of events) if ("entry" in event) this.#services.add(event.entry.service);
    return events;
  }

  /** Puts the warning before the expiries that it is about, and the all-clear behind what brought it. */
  #judge(events: RegistryEvent[]): RegistryEvent[] {
    const was = this.#vanish.isStale;
    const ended = events.filter(({ type }) => type === "expired").length;
    const vanished = this.#vanish.note(ended, this.#view.size, performance.now());
    if (vanished !== undefined) {
      const message = `${vanished} of ${vanished + this.#view.size} instances expired at once; Redis or the network may be at fault.`;
      return [{ type: "stale", reason: "vanished", message }, ...events];
    }
    return was && !this.#vanish.isStale ? [...events, this.#synced()] : events;
  }

  #synced(): RegistryEvent {
    return { type: "synced", entries: this.#view.size };
  }

  async #outage(error: unknown): Promise<RegistryEvent[]> {
    if (this.#trouble !== undefined) return [];
    this.#trouble = messageOf(error);
    await dropConnection(this.#blocking);
    const { message } = await unreadable(this.#options.redis, error);
    return [{ type: "stale", reason: "unreachable", message }];
  }

  /** Whatever a step needs has to work again, or the all-clear would be followed by the next warning. */
  async #recover(): Promise<RegistryEvent[]> {
    const { signal } = this.#options;
    try {
      await this.#soon((deadline) => whenReady(this.#blocking, { reopen: true, signal: deadline }));
      await this.#endOfStream();
      return await this.#sync();
    } catch {
      await pause(retryMs, undefined, { signal });
      return [];
    }
  }
}
