/** Reading the fleet. The cost grows with the instances that are listed, not with the other keys in Redis. */

import { messageOf, StargazerError } from "../errors.ts";
import { contained } from "../logger.ts";
import type { RedisClient } from "../redis/client.ts";
import { whenReady } from "../redis/connection.ts";
import { runScript } from "../redis/script.ts";
import { until } from "../until.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import { parseEntry } from "./entry.ts";
import type { RegistryEvent } from "./events.ts";
import { registryKeys } from "./keys.ts";
import { beginListScript } from "./scripts.ts";
import { unreadable } from "./unreadable.ts";
import type { WatchOptions } from "./watch.ts";
import { foreignAmong, isWrongType } from "./wrong-type.ts";

export type { RegistryEntry } from "./entry.ts";
export type { RegistryEvent } from "./events.ts";

const chunkSize = 500;
const listTimeoutMs = 5000;

/** Options of `Registry`. */
export interface RegistryOptions {
  /**
   * Called once for each key, an entry's or a service's index, that holds another program's value. The instance or service that it
   * stands for is left out. What it throws is a warning of the process, and the list goes on. Default: none.
   */
  readonly onSkipped?: (key: string) => void;
}

/** There is one registry: below a prefix this reader would find none of it. */
const refusePrefix = (redis: RedisClient): void => {
  const { keyPrefix = "" } = redis.options as { keyPrefix?: string | Buffer };
  if (keyPrefix.length === 0) return;
  const message = `the client has the keyPrefix '${keyPrefix}', and the registry's keys have none: read it with a client without.`;
  throw new StargazerError("SG_ERR_CONFIG_INVALID", message);
};

/**
 * Reads the registry through a client of the caller's, which it never closes or reconfigures.
 *
 * ```ts
 * const registry = new Registry(redis);
 * const running = (await registry.list("inference")).filter(({ status }) => status === "running");
 * ```
 */
export class Registry {
  readonly #redis: RedisClient;
  readonly #onSkipped: (key: string) => void;
  readonly #skipped = new Set<string>();

  /** Throws `SG_ERR_CONFIG_INVALID` for a client with a `keyPrefix`: the registry's keys have none. */
  constructor(redis: RedisClient, { onSkipped = () => {} }: RegistryOptions = {}) {
    refusePrefix(redis);
    this.#redis = redis;
    this.#onSkipped = onSkipped;
  }

  /**
   * The live entries of one service, or of all, ordered by service and instance. The clock of Redis decides which leases live.
   * Rejects with `SG_ERR_REGISTRY` where Redis cannot be read within 5000 ms, never with an empty list instead; and with the reason
   * of `signal` when it aborts first.
   */
  async list(serviceName?: string, { signal }: { signal?: AbortSignal } = {}): Promise<RegistryEntry[]> {
    const deadline = AbortSignal.timeout(listTimeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    const reply = { signal: either, what: "the list of the registry" };
    try {
      const names = await until(this.#names(serviceName ?? "", either), reply);
      const texts = await until(this.#texts(names), reply);
      // accepted mutant: more keys are read, and the same are reported
      await until(this.#reportForeign(names.filter((_, at) => texts[at] === null)), reply);
      // accepted mutant: watch.test.ts notices; at 20 s a mutant it is not run here
      return names.flatMap((name, at) => this.#parsed(name, texts[at] ?? null));
    } catch (error) {
      signal?.throwIfAborted();
      throw await unreadable(this.#redis, error);
    }
  }

  /**
   * Emits what happens to one service, or to all: first `registered` for each entry, then `synced`, then each change; a crash at most
   * half a second after its lease ended. Ends when `signal` aborts or the loop is left, and leaves no connection. Throws
   * `SG_ERR_REGISTRY` where Redis cannot be read at the beginning; a later outage is a `stale` event, and watching goes on.
   * Each call is a watch of its own, with a connection of its own.
   */
  // accepted mutant: watch.test.ts notices; at 20 s a mutant it is not run here
  watch(serviceName?: string, { signal }: { signal?: AbortSignal } = {}): AsyncIterable<RegistryEvent> {
    // accepted mutant: watch.test.ts notices; at 20 s a mutant it is not run here
    return watching({ redis: this.#redis, registry: this, serviceName, signal: signal ?? new AbortController().signal });
  }

  /** The entries of these instances, in this order, without those that have none. Rejects with the error of Redis. */
  // accepted mutant: watch.test.ts notices; at 20 s a mutant it is not run here
  async read(names: readonly InstanceName[]): Promise<RegistryEntry[]> {
    const texts = await this.#texts(names);
    // accepted mutant: watch.test.ts notices; at 20 s a mutant it is not run here
    return names.flatMap((name, at) => this.#parsed(name, texts[at] ?? null));
  }

  async #texts(names: readonly InstanceName[]): Promise<(string | null)[]> {
    const keys = registryKeys(this.#redis);
    const chunks: Promise<(string | null)[]>[] = [];
    for (let at = 0; at < names.length; at += chunkSize) {
      chunks.push(
        // accepted mutant: reading all in each chunk is slower, not wrong: only the first rows are taken
        this.#redis.mget(names.slice(at, at + chunkSize).map(({ service, instance }) => keys.service(service, instance))),
      );
    }
    return (await Promise.all(chunks)).flat();
  }

  /** MGET answers a key of another type as one that is absent. */
  async #reportForeign(absent: readonly InstanceName[]): Promise<void> {
    const { service: keyOf } = registryKeys(this.#redis);
    const keys = absent.map(({ service, instance }) => ({ key: keyOf(service, instance), type: "string" }) as const);
    for (const { key } of await foreignAmong(this.#redis, keys)) this.#skip(key);
  }

  /** Once a key: a watch lists again and again. */
  #skip(key: string): void {
    if (this.#skipped.has(key)) return;
    this.#skipped.add(key);
    contained(
      () => this.#onSkipped(key),
      (error) => process.emitWarning(`onSkipped threw: ${messageOf(error)}`, "StargazerWarning"),
    );
  }

  #parsed(name: InstanceName, text: string | null): RegistryEntry[] {
    // equivalent mutant: an instance that has no entry is not listed
    if (text === null) return [];
    const entry = parseEntry(text, name);
    if (entry === undefined) this.#skip(registryKeys(this.#redis).service(name.service, name.instance));
    return entry === undefined ? [] : [entry];
  }

  async #names(serviceName: string, signal: AbortSignal): Promise<InstanceName[]> {
    const redis = this.#redis;
    const keys = registryKeys(redis);
    // accepted mutant: a caller's client that was closed: opening it again is refused in redis.test.ts
    await whenReady(redis, { reopen: false, signal });
    const reply = await runScript(redis, beginListScript, { keys: [keys.services], args: [serviceName], signal });
    const [now, ...services] = reply as [string, ...string[]];
    signal.throwIfAborted();
    const live = await Promise.all(
      services.sort().map(async (service) => {
        const instances = await this.#live(keys.index(service), now);
        return instances.sort().map((instance) => ({ service, instance }));
      }),
    );
    return live.flat();
  }

  async #live(index: string, now: string): Promise<string[]> {
    try {
      return await this.#redis.zrange(index, now, "+inf", "BYSCORE");
    } catch (error) {
      if (!isWrongType(error)) throw error;
      this.#skip(index);
      // equivalent mutant: an instance that has no entry is not listed
      return [];
    }
  }
}

/** Few processes watch, so the code for it is loaded when one does. */
// accepted mutant: watch.test.ts notices; at 20 s a mutant it is not run here
async function* watching(options: WatchOptions): AsyncGenerator<RegistryEvent, void, undefined> {
  const { watchRegistry } = await import("./watch.ts");
  yield* watchRegistry(options);
}
