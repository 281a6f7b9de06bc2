/** Reading the fleet. The cost grows with the instances that are listed, not with the other keys in Redis. */

import { unknownKeys } from "../closest.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { contained, warn } from "../logger.ts";
import type { GivenRedisClient, RedisClient } from "../redis/client.ts";
import { rejectingLater, withDeadline } from "../until.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import type { RegistryEvent } from "./events.ts";
import type { Source } from "./reading.ts";
import { unreadable } from "./unreadable.ts";
import type { WatchOptions } from "./watch.ts";

export type { RegistryEntry } from "./entry.ts";
export type { RegistryEvent } from "./events.ts";

const listTimeoutMs = 5000;
/** keys that are remembered as skipped */
const skippedLimit = 1000;

/** Options of `Registry`. */
export interface RegistryOptions {
  /**
   * Called once for each key that holds another program's value, or one beyond the registry's limits (entries of 8192 bytes, names as
   * the options allow them, 10,000 services with 100,000 instances each). What it stands for is left out, and nothing else. What it
   * throws is a warning of the process, and the list goes on. Default: none.
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

const refuseUnknown = (options: object): void => {
  const problems = unknownKeys(options, ["onSkipped"]);
  if (problems.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", `Registry was given an ${problems.join(", an ")}.`);
};

/** Options in the place of the name would have no effect: a signal in them would end nothing. */
const demandName = (serviceName: unknown): void => {
  if (serviceName === undefined || serviceName === null || typeof serviceName === "string") return;
  const message = "Registry takes the name of a service first, and its options second: watch(undefined, { signal }).";
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

  /** Throws `SG_ERR_CONFIG_INVALID` for a client with a `keyPrefix`, since the registry's keys have none, and for an unknown option. */
  constructor(redis: GivenRedisClient, options: RegistryOptions = {}) {
    const { onSkipped = () => {} } = options;
    this.#redis = redis as RedisClient;
    refusePrefix(this.#redis);
    refuseUnknown(options);
    this.#onSkipped = onSkipped;
  }

  /**
   * The live entries of one service, or of all, ordered by service and instance. The clock of Redis decides which leases live.
   * Rejects with `SG_ERR_REGISTRY` where Redis cannot be read within 5000 ms, never with an empty list instead; and with the reason
   * of `signal` when it aborts first.
   */
  async list(serviceName?: string, { signal }: { signal?: AbortSignal } = {}): Promise<RegistryEntry[]> {
    return rejectingLater(async () => {
      demandName(serviceName);
      return this.#list(serviceName, signal);
    });
  }

  async #list(serviceName: string | undefined, signal: AbortSignal | undefined): Promise<RegistryEntry[]> {
    try {
      const { listEntries } = await import("./reading.ts");
      const listed = { ms: listTimeoutMs, what: "the list of the registry", signal };
      return await withDeadline((ending) => listEntries(this.#source, { service: serviceName ?? "", signal: ending }), listed);
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
  watch(serviceName?: string, { signal }: { signal?: AbortSignal } = {}): AsyncIterable<RegistryEvent> {
    demandName(serviceName);
    return watching({ redis: this.#redis, registry: this, serviceName, signal: signal ?? new AbortController().signal });
  }

  /** The entries of these instances, in this order, without those that have none. Rejects with the error of Redis. */
  async read(names: readonly InstanceName[]): Promise<RegistryEntry[]> {
    const { readEntries } = await import("./reading.ts");
    return readEntries(this.#source, names);
  }

  get #source(): Source {
    return { redis: this.#redis, skip: (key) => this.#skip(key) };
  }

  /** Once a key, of the last ones: a watch lists again and again. */
  #skip(key: string): void {
    if (this.#skipped.has(key)) return;
    this.#skipped.add(key);
    const [oldest] = this.#skipped;
    if (this.#skipped.size > skippedLimit) this.#skipped.delete(oldest!);
    contained(
      () => this.#onSkipped(key),
      (error) => warn(`onSkipped threw: ${messageOf(error)}`),
    );
  }
}

/** Few processes watch, so the code for it is loaded when one does. */
async function* watching(options: WatchOptions): AsyncGenerator<RegistryEvent, void, undefined> {
  const { watchRegistry } = await import("./watch.ts");
  yield* watchRegistry(options);
}
