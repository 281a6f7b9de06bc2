/** Reading the fleet. Its cost grows with the instances listed, not with the other keys in Redis. */
import { until } from "../clock.ts";
import type { RedisClient } from "../redis/client.ts";
import { whenReady } from "../redis/connection.ts";
import { keysFor } from "../redis/keys.ts";
import { runScript } from "../redis/script.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import { parseEntry } from "./entry.ts";
import type { RegistryEvent } from "./events.ts";
import { beginListScript } from "./scripts.ts";
import { unreadable } from "./unreadable.ts";
import type { WatchOptions } from "./watch.ts";

export type { RegistryEntry } from "./entry.ts";
export type { RegistryEvent } from "./events.ts";

const chunkSize = 500;
const listTimeoutMs = 5000;

export interface RegistryOptions {
  /** told of each value that is not ours to parse; it is left out of the listing */
  readonly onSkipped?: (key: string) => void;
}

/** Reads through a client of the caller's, which it never closes. */
export class Registry {
  readonly #redis: RedisClient;
  readonly #onSkipped: (key: string) => void;

  constructor(redis: RedisClient, { onSkipped = () => {} }: RegistryOptions = {}) {
    this.#redis = redis;
    this.#onSkipped = onSkipped;
  }

  /**
   * The live entries of one service, or of all, ordered by service and instance. Redis' clock decides what is live.
   * Rejects with `SG_ERR_REGISTRY` where Redis cannot be read within 5000 ms: unreachable is never an empty list.
   */
  async list(serviceName?: string, { signal }: { signal?: AbortSignal } = {}): Promise<RegistryEntry[]> {
    const deadline = AbortSignal.timeout(listTimeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const names = await until(either, this.#names(serviceName ?? "", either));
      return await until(either, this.read(names));
    } catch (error) {
      signal?.throwIfAborted();
      throw unreadable(this.#redis, error);
    }
  }

  /**
   * Tells what happens to one service, or to all, from now on: first each entry there is, then `synced`, then each change; a crash
   * at most half a second after its lease ended. Ends when the signal aborts and leaves nothing behind. Throws `SG_ERR_REGISTRY`
   * where Redis cannot be read at the beginning; later on an outage is told as `stale`, and watching goes on.
   */
  watch(serviceName?: string, { signal }: { signal?: AbortSignal } = {}): AsyncIterable<RegistryEvent> {
    return watching({ redis: this.#redis, registry: this, serviceName, signal: signal ?? new AbortController().signal });
  }

  /** The entries of these instances, in this order, without those that are gone. */
  async read(names: readonly InstanceName[]): Promise<RegistryEntry[]> {
    const keys = keysFor(this.#redis);
    const chunks: Promise<(string | null)[]>[] = [];
    for (let at = 0; at < names.length; at += chunkSize) {
      chunks.push(
        this.#redis.mget(names.slice(at, at + chunkSize).map(({ service, instance }) => keys.service(service, instance))),
      );
    }
    const texts = (await Promise.all(chunks)).flat();
    return names.flatMap((name, at) => this.#parsed(name, texts[at] ?? null));
  }

  #parsed(name: InstanceName, text: string | null): RegistryEntry[] {
    if (text === null) return [];
    const entry = parseEntry(text, name);
    if (entry === undefined) this.#onSkipped(keysFor(this.#redis).service(name.service, name.instance));
    return entry === undefined ? [] : [entry];
  }

  async #names(serviceName: string, signal: AbortSignal): Promise<InstanceName[]> {
    const redis = this.#redis;
    const keys = keysFor(redis);
    await whenReady(redis, { reopen: false, signal });
    const reply = await runScript(redis, beginListScript, { keys: [keys.services], args: [serviceName], signal });
    const [now, ...services] = reply as [string, ...string[]];
    signal.throwIfAborted();
    const live = await Promise.all(
      services.sort().map(async (service) => {
        const instances = await redis.zrange(keys.index(service), now, "+inf", "BYSCORE");
        return instances.sort().map((instance) => ({ service, instance }));
      }),
    );
    return live.flat();
  }
}

/** Few processes watch, so the code for it is loaded when one does. */
async function* watching(options: WatchOptions): AsyncGenerator<RegistryEvent, void, undefined> {
  const { watchRegistry } = await import("./watch.ts");
  yield* watchRegistry(options);
}
