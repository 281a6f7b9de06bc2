/**
 * A worker in a consumer group. Delivery is at least once; an entry is acknowledged after its work, claimed from a worker that died
 * but not from one that is slow, and moved to the dead letters after its last attempt. The messages of one conversation are handled
 * one after another within this consumer.
 */

import { messageOf } from "../errors.ts";
import type { WordedLogger } from "../logger.ts";
import { silentLogger } from "../logger.ts";
import { pause } from "../pause.ts";
import { openBlockingConnection } from "../redis/connection.ts";
import { maxBlockMs } from "../redis/roles.ts";
import { until } from "../until.ts";
import type { Parsed, RawFields } from "./fields.ts";
import type { Delivery, GroupOptions } from "./group.ts";
import { ConsumerGroup } from "./group.ts";
import { InFlight } from "./in-flight.ts";
import { jittered, repeat, repeatEvery } from "./repeat.ts";

/** What the work on one message is given. */
export interface Work {
  /** the entry's id */
  readonly entryId: string;
  /** 1 for the first delivery */
  readonly attempt: number;
  /** aborts when the grace at the end is over, or when another worker has claimed the entry */
  readonly signal: AbortSignal;
}

export interface ConsumerOptions<T> extends GroupOptions {
  readonly parse: (fields: RawFields) => Parsed<T>;
  /** which conversation a message belongs to */
  readonly laneOf: (message: T) => string;
  /** the work; the entry is acknowledged when it resolves, and delivered again when it rejects */
  readonly handle: (message: T, work: Work) => Promise<unknown>;
  /** whether `handle` acknowledges the entry itself, in one step with its result. Default false: the consumer does */
  readonly handlerAcknowledges?: boolean;
  readonly log?: WordedLogger;
  /** messages at once. Default 16 */
  readonly concurrency?: number;
  /** attempts before an entry goes to the dead letters. Default 3 */
  readonly maxAttempts?: number;
  /** ms without a beat after which a worker counts as dead and its entries are claimed. Default 10000 */
  readonly claimIdleMs?: number;
  /** ms between two attempts. Default 1000 */
  readonly retryMs?: number;
  /** ms for the work under way at the end. Default 5000 */
  readonly graceMs?: number;
  /** ms for which settled entries, and the names of dead workers, are kept for inspection. Default 3600000 */
  readonly retainMs?: number;
}

const defaults = {
  handlerAcknowledges: false,
  log: silentLogger,
  concurrency: 16,
  maxAttempts: 3,
  claimIdleMs: 10_000,
  retryMs: 1000,
  graceMs: 5000,
  retainMs: 3_600_000,
};
/** ms for each of the last two steps: work that was aborted, and leaving the group */
const lastStepMs = 1000;

interface Signals {
  /** the work's own */
  readonly signal: AbortSignal;
  /** the consumer stops */
  readonly stopping: AbortSignal;
}

export class StreamConsumer<T> {
  readonly #options: ConsumerOptions<T> & typeof defaults;
  readonly #group: ConsumerGroup;
  readonly #inFlight = new InFlight();

  constructor(options: ConsumerOptions<T>) {
    this.#options = { ...defaults, ...options };
    this.#group = new ConsumerGroup(options);
  }

  /**
   * Works until `signal` aborts; then it reads nothing more, gives the work under way `graceMs`, and leaves the rest to other workers
   * at once. Resolves within `graceMs` and two seconds of the abort, in every condition of Redis. A failure of Redis is logged and
   * waited out. Once a consumer.
   */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { claimIdleMs, log } = this.#options;
    const ended = new AbortController();
    const touching = repeatEvery(claimIdleMs / 4, () => this.#touch(), { signal: ended.signal, log });
    try {
      await Promise.all([this.#read(signal), repeatEvery(claimIdleMs / 2, () => this.#claim(signal), { signal, log })]);
      await this.#finish();
    } finally {
      ended.abort();
      await touching;
      await this.#within(lastStepMs, this.#group.leave(claimIdleMs));
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { redis, log } = this.#options;
    const blocking = openBlockingConnection(redis);
    const disconnect = () => blocking.disconnect();
    signal.addEventListener("abort", disconnect, { once: true });
    const next = async (): Promise<void> => {
      const room = this.#room;
      if (room <= 0) return until(this.#inFlight.next(), { signal, what: "room for a message" });
      // a connection that ends while it reconnects never settles what is queued on it
      const deliveries = await until(this.#group.read(blocking, room, maxBlockMs), { signal, what: "messages" });
      for (const delivery of deliveries) this.#take(delivery, signal);
    };
    try {
      await repeat(next, { signal, log });
    } finally {
      signal.removeEventListener("abort", disconnect);
      disconnect();
    }
  }

  /** how many more messages may be begun */
  get #room(): number {
    return this.#options.concurrency - this.#inFlight.size;
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { claimIdleMs, retainMs, log } = this.#options;
    if (this.#room > 0) {
      for (const delivery of await until(this.#group.claim(claimIdleMs, this.#room), { signal, what: "claimed messages" })) {
        const { id: entry, attempt } = delivery;
        log.warn(
          { type: "message.claimed", entry, attempt },
          `message ${entry} is claimed from another worker: attempt ${attempt}`,
        );
        this.#take(delivery, signal);
      }
    }
    await until(this.#group.tidy(retainMs), { signal, what: "the stream to be trimmed" });
  }

  /** Keeps the entries under way from being claimed, and aborts the work on those that were. */
  async #touch(): Promise<void> {
    const { ids } = this.#inFlight;
    if (ids.length === 0) return;
    const ours = new Set(await this.#group.touch(ids));
    for (const id of ids) if (!ours.has(id)) this.#inFlight.abort(id, "another worker has claimed this message");
  }

  #take(delivery: Delivery, stopping: AbortSignal): void {
    if (this.#inFlight.has(delivery.id)) return;
    const parsed = this.#options.parse(delivery.fields);
    const lane = parsed.ok ? this.#options.laneOf(parsed.value) : delivery.id;
    this.#inFlight.add(delivery.id, lane, async (signal) => {
      if (stopping.aborted) return;
      try {
        if (parsed.ok) await this.#attempt(parsed.value, delivery, { signal, stopping });
        else await this.#bury(delivery, parsed.reason);
      } catch (error) {
        // the entry stays pending and is claimed again
        const [entry, reason] = [delivery.id, messageOf(error)];
        this.#options.log.warn({ type: "message.unsettled", entry, reason }, `message ${entry} stays pending: ${reason}`);
      }
    });
  }

  /** Attempt after attempt, until the entry is settled, claimed by another worker, or left to others because the consumer stops. */
  async #attempt(message: T, first: Delivery, { signal, stopping }: Signals): Promise<void> {
    const { maxAttempts, retryMs, handle, handlerAcknowledges, log } = this.#options;
    let delivery = first;
    while (delivery.attempt > 0 && !signal.aborted) {
      const { id: entryId, attempt } = delivery;
      if (attempt > maxAttempts)
        return this.#bury(delivery, `it was delivered ${maxAttempts} times and no worker lived to finish it`);
      try {
        await handle(message, { entryId, attempt, signal });
        if (!handlerAcknowledges) await this.#group.acknowledge(entryId);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const reason = messageOf(error);
        log.warn(
          { type: "message.failed", entry: entryId, attempt, reason },
          `message ${entryId} failed, attempt ${attempt}: ${reason}`,
        );
        if (attempt >= maxAttempts) return this.#bury(delivery, messageOf(error));
      }
      await pause(jittered(retryMs), { signal: AbortSignal.any([signal, stopping]) });
      if (stopping.aborted) return;
      delivery = { ...delivery, attempt: await this.#group.again(entryId) };
    }
  }

  async #bury(delivery: Delivery, reason: string): Promise<void> {
    await this.#group.bury(delivery, reason.slice(0, 500), Date.now());
    const { id: entry, attempt } = delivery;
    this.#options.log.error({ type: "message.buried", entry, attempt, reason }, `message ${entry} is a dead letter: ${reason}`);
  }

  /** Lets the work under way finish; after the grace it is aborted and has a second more. */
  async #finish(): Promise<void> {
    const { graceMs } = this.#options;
    const grace = setTimeout(() => {
      for (const id of this.#inFlight.ids) this.#inFlight.abort(id, "the worker is stopping");
    }, graceMs);
    await this.#within(graceMs + lastStepMs, this.#inFlight.all());
    clearTimeout(grace);
  }

  async #within(ms: number, work: Promise<unknown>): Promise<void> {
    try {
      await until(work, { signal: AbortSignal.timeout(ms), what: "work in flight" });
    } catch (error) {
      const reason = messageOf(error);
      this.#options.log.warn({ type: "consumer.unsettled", reason }, `messages under way stay pending: ${reason}`);
    }
  }
}
