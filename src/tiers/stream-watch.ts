/** Watches the streams that a tier reads: a condition is logged when it begins and when it ends, and `/metrics` has the state of each stream. */

import { messageOf } from "../errors.ts";
import type { Metric } from "../health/metrics.ts";
import { gauge, writeMetrics } from "../health/metrics.ts";
import type { MetricsSource } from "../health/own-metrics.ts";
import type { WordedLogger } from "../logger.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import type { StreamGauge } from "../streams/stream-metrics.ts";
import { deadLettersGauge, memoryGauge, streamGauges } from "../streams/stream-metrics.ts";
import type { Condition, ConditionType, StreamState, Watched } from "../streams/stream-state.ts";
import { conditionsOf, readState } from "../streams/stream-state.ts";
import type { Waiting } from "../until.ts";

/** What was read of a stream, and by which group. */
interface Read {
  readonly group: string;
  readonly state: StreamState;
}

const perStream = [
  [streamGauges.length, ({ length }: StreamState) => length],
  [streamGauges.waiting, ({ waiting }: StreamState) => waiting],
  [streamGauges.idle, ({ lagMs }: StreamState) => lagMs / 1000],
  [streamGauges.capUsed, ({ capUsed }: StreamState) => capUsed],
] satisfies readonly (readonly [StreamGauge, (state: StreamState) => number])[];

/** Four series for each stream that was read, and two of its Redis. */
const metricsOf = (all: ReadonlyMap<string, Read>): readonly Metric[] => {
  const [one] = all.values();
  if (one === undefined) return [];
  const { deadLetters, memoryUsed = 0 } = one.state;
  return [
    ...perStream.map(
      ([[name, help], value]): Metric => ({
        name,
        help,
        type: "gauge",
        samples: [...all].map(([stream, { group, state }]) => ({ labels: { stream, group }, value: value(state) })),
      }),
    ),
    gauge(...deadLettersGauge, deadLetters),
    gauge(...memoryGauge, memoryUsed),
  ];
};

export interface WatchOptions extends Waiting {
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  readonly watched: readonly Watched[];
  /** ms between two looks. Default 15000 */
  readonly everyMs?: number;
}

export class StreamWatch implements MetricsSource {
  readonly #states = new Map<string, Read>();
  /** the conditions of the last look, by type and stream */
  #holding = new Map<string, Condition>();

  /** The state of each stream as it was last read. */
  async metrics(): Promise<string> {
    return writeMetrics(metricsOf(this.#states));
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
      this.#states.set(one.stream, { group: one.group, state });
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
