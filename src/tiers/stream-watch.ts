/** Watches the streams that a tier reads: a condition is logged when it begins and when it ends, and `/metrics` has the state of each stream. */

import { messageOf } from "../errors.ts";
import type { Metric } from "../health/metrics.ts";
import { writeMetrics } from "../health/metrics.ts";
import type { MetricsSource } from "../health/own-metrics.ts";
import type { WordedLogger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import type { Condition, ConditionType, StreamState, Watched } from "../streams/stream-state.ts";
import { conditionsOf, readState } from "../streams/stream-state.ts";
import type { Waiting } from "../until.ts";

const perStream = [
  ["sg_stream_length", "Entries of the stream, settled ones included.", (state: StreamState) => state.length],
  ["sg_stream_waiting", "Messages in a lane that are not settled.", (state: StreamState) => state.waiting],
  ["sg_stream_lag_seconds", "How long the oldest message that nothing works on has waited.", ({ lagMs: ms }) => ms / 1000],
  ["sg_stream_cap_ratio", "The part of the bound that is in use.", (state: StreamState) => state.capUsed],
  ["sg_stream_dead_letters", "Dead letters of all streams.", (state: StreamState) => state.deadLetters],
  ["sg_stream_memory_ratio", "The part of Redis' maxmemory in use; 0 without a bound.", ({ memoryUsed = 0 }) => memoryUsed],
] satisfies readonly (readonly [string, string, (state: StreamState) => number])[];

/** Six series for each stream that was read. */
const streamMetrics = (states: ReadonlyMap<string, StreamState>): readonly Metric[] =>
  perStream.map(([name, help, value]) => ({
    name,
    help,
    type: "gauge",
    samples: [...states].map(([stream, state]) => ({ labels: { stream }, value: value(state) })),
  }));

export interface WatchOptions extends Waiting {
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  readonly watched: readonly Watched[];
  /** ms between two looks. Default 15000 */
  readonly everyMs?: number;
}

export class StreamWatch implements MetricsSource {
  readonly #states = new Map<string, StreamState>();
  /** the conditions of the last look, by type and stream */
  #holding = new Map<string, Condition>();

  /** The state of each stream as it was last read. */
  async metrics(): Promise<string> {
    return writeMetrics(streamMetrics(this.#states));
  }

  /** Looks until the signal aborts. A look that fails is skipped. Never rejects. */
  async run({ signal, everyMs = 15_000, ...options }: WatchOptions): Promise<void> {
    while (!signal.aborted) {
      await this.#look(options).catch((error: unknown) => {
        const reason = messageOf(error);
        options.log.debug({ type: "stream.unread", reason }, `the state of the streams could not be read: ${reason}`);
      });
      await pause(everyMs, { signal });
    }
    this.#states.clear();
  }

  async #look({ redis, log, watched }: Pick<WatchOptions, "redis" | "log" | "watched">): Promise<void> {
    const holding = new Map<string, Condition>();
    for (const one of watched) {
      const state = await readState(redis, one);
      this.#states.set(one.stream, state);
      for (const condition of conditionsOf(one, state))
        holding.set(isOfAll(condition.type) ? condition.type : `${condition.type} ${one.stream}`, condition);
    }
    const before = this.#holding;
    this.#holding = holding;
    for (const [key, { type, line }] of holding) if (!before.has(key)) log.warn({ type }, line);
    for (const [key, { type }] of before) if (!holding.has(key)) log.info({ type: `${type}.ended` }, `${type} has ended`);
  }
}

const ofAll: ReadonlySet<ConditionType> = new Set(["dead-letters.present", "redis.memory-high", "redis.volatile"]);
const isOfAll = (type: ConditionType): boolean => ofAll.has(type);
