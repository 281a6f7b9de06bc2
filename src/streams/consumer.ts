/**
 * A worker in a consumer group: at least once, acknowledged after the work, claimed back from the dead but not from the slow,
 * to the dead letters after the last attempt. One conversation's messages are taken one after another within this consumer.
 */
import { until } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { silentLogger } from "../logger.ts";
import { maxBlockMs, openBlockingConnection } from "../redis/connection.ts";
import type { Parsed, RawFields } from "./fields.ts";
import type { Delivery, GroupOptions } from "./group.ts";
import { ConsumerGroup } from "./group.ts";
import { InFlight } from "./in-flight.ts";
import { pause } from "./pause.ts";

/** What the work on one message is given. */
export interface Work {
  /** the entry's id */
  readonly entryId: string;
  /** 1 for the first delivery */
  readonly attempt: number;
  /** aborts when the grace at the end is over, or when the entry was taken over by another worker */
  readonly signal: AbortSignal;
}

export interface ConsumerOptions<T> extends GroupOptions {
  readonly parse: (fields: RawFields) => Parsed<T>;
  /** which conversation a message belongs to */
  readonly laneOf: (message: T) => string;
  /** the work; the entry is acknowledged when it resolves, tried again when it rejects */
  readonly handle: (message: T, work: Work) => Promise<unknown>;
  readonly log?: Logger;
  /** messages at once. Default 16 */
  readonly concurrency?: number;
  /** attempts before an entry goes to the dead letters. Default 3 */
  readonly maxAttempts?: number;
  /** ms without a sign of life after which a worker counts as dead and its messages are claimed. Default 10000 */
  readonly claimIdleMs?: number;
  /** ms between two attempts. Default 1000 */
  readonly retryMs?: number;
  /** ms that work under way gets at the end. Default 5000 */
  readonly graceMs?: number;
  /** ms for which settled entries, and the names of dead workers, are kept to be looked at. Default 3600000 */
  readonly retainMs?: number;
}

const defaults = { concurrency: 16, maxAttempts: 3, claimIdleMs: 10_000, retryMs: 1000, graceMs: 5000, retainMs: 3_600_000 };
const lastCallMs = 1000;
const jittered = (ms: number): number => ms * (0.8 + 0.4 * Math.random());

export class StreamConsumer<T> {
  readonly #options: ConsumerOptions<T> & typeof defaults;
  readonly #group: ConsumerGroup;
  readonly #log: Logger;
  readonly #inFlight = new InFlight();

  constructor(options: ConsumerOptions<T>) {
    this.#options = { ...defaults, ...options };
    this.#group = new ConsumerGroup(options);
    this.#log = options.log ?? silentLogger;
  }

  /**
   * Works until `signal` aborts. Then nothing more is read; what is under way gets `graceMs`, what is left belongs to the others at
   * once. Resolves within `graceMs` and two seconds of the abort, whatever Redis does. Trouble with Redis is reported and waited out.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const touching = this.#every(this.#options.claimIdleMs / 4, ended.signal, () => this.#touch());
    try {
      await Promise.all([this.#read(signal), this.#every(this.#options.claimIdleMs / 2, signal, () => this.#claim(signal))]);
      await this.#settle();
    } finally {
      ended.abort();
      await touching;
      await this.#lastCall(this.#group.leave(this.#options.claimIdleMs));
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const blocking = openBlockingConnection(this.#options.redis);
    const disconnect = () => blocking.disconnect();
    signal.addEventListener("abort", disconnect, { once: true });
    let isKnown = false;
    try {
      await this.#untilAborted(
        signal,
        async () => {
          if (!isKnown) await until(signal, this.#group.ensure());
          isKnown = true;
          const room = this.#options.concurrency - this.#inFlight.size;
          if (room <= 0) return until(signal, this.#inFlight.next());
          // a connection that ends while it reconnects never settles what is queued on it
          const deliveries = await until(signal, this.#group.read(blocking, room, maxBlockMs));
          for (const delivery of deliveries) this.#take(delivery, signal);
        },
        (error) => {
          // a flush took the group along
          if (String(error).includes("NOGROUP")) isKnown = false;
        },
      );
    } finally {
      signal.removeEventListener("abort", disconnect);
      disconnect();
    }
  }

  async #claim(signal: AbortSignal): Promise<void> {
    const { concurrency, claimIdleMs, retainMs } = this.#options;
    const room = concurrency - this.#inFlight.size;
    if (room > 0) {
      for (const delivery of await until(signal, this.#group.claim(claimIdleMs, room))) {
        this.#log.warn({ type: "message.claimed", entry: delivery.id, attempt: delivery.attempt });
        this.#take(delivery, signal);
      }
    }
    await until(signal, this.#group.tidy(retainMs));
  }

  async #touch(): Promise<void> {
    const { ids } = this.#inFlight;
    if (ids.length === 0) return;
    const ours = new Set(await this.#group.touch(ids));
    for (const id of ids) if (!ours.has(id)) this.#inFlight.drop(id, "another worker has taken this message over");
  }

  #take(delivery: Delivery, stopping: AbortSignal): void {
    if (this.#inFlight.has(delivery.id)) return;
    const parsed = this.#options.parse(delivery.fields);
    const lane = parsed.ok ? this.#options.laneOf(parsed.value) : delivery.id;
    this.#inFlight.add(delivery.id, lane, async (signal) => {
      if (stopping.aborted) return;
      try {
        if (parsed.ok) await this.#attend(parsed.value, delivery, { signal, stopping });
        else await this.#bury(delivery, parsed.reason);
      } catch (error) {
        // it stays pending and is claimed again
        this.#log.warn({ type: "message.unsettled", entry: delivery.id, reason: messageOf(error) });
      }
    });
  }

  /** Attempt after attempt, until the entry is settled, taken from us, or left to others because we stop. */
  async #attend(
    message: T,
    first: Delivery,
    { signal, stopping }: { signal: AbortSignal; stopping: AbortSignal },
  ): Promise<void> {
    const { maxAttempts, retryMs, handle } = this.#options;
    let delivery = first;
    while (delivery.attempt > 0 && !signal.aborted) {
      const { id: entryId, attempt } = delivery;
      if (attempt > maxAttempts)
        return this.#bury(delivery, `it was delivered ${maxAttempts} times and no worker lived to finish it`);
      try {
        await handle(message, { entryId, attempt, signal });
        return await this.#group.acknowledge(entryId);
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ type: "message.failed", entry: entryId, attempt, reason: messageOf(error) });
        if (attempt >= maxAttempts) return this.#bury(delivery, messageOf(error));
      }
      await pause(jittered(retryMs), AbortSignal.any([signal, stopping]));
      if (stopping.aborted) return;
      delivery = { ...delivery, attempt: await this.#group.again(entryId) };
    }
  }

  async #bury(delivery: Delivery, reason: string): Promise<void> {
    await this.#group.bury(delivery, reason.slice(0, 500), Date.now());
    this.#log.error({ type: "message.buried", entry: delivery.id, attempt: delivery.attempt, reason });
  }

  /** Lets what is under way finish; after the grace it is told to end, and has a second more. */
  async #settle(): Promise<void> {
    const { graceMs } = this.#options;
    const all = this.#inFlight.all();
    const grace = setTimeout(() => {
      for (const id of this.#inFlight.ids) this.#inFlight.drop(id, "the worker is stopping");
    }, graceMs);
    await this.#lastCall(all, graceMs + lastCallMs);
    clearTimeout(grace);
  }

  async #lastCall(work: Promise<unknown>, withinMs = lastCallMs): Promise<void> {
    try {
      await until(AbortSignal.timeout(withinMs), work);
    } catch (error) {
      this.#log.warn({ type: "consumer.unsettled", reason: messageOf(error) });
    }
  }

  async #every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    await this.#untilAborted(signal, async () => {
      await pause(jittered(ms), signal);
      if (!signal.aborted) await work();
    });
  }

  /** Repeats `work`; a failure is reported, the first of a row loudly, and followed by a growing pause. */
  async #untilAborted(
    signal: AbortSignal,
    work: () => Promise<void>,
    onError: (error: unknown) => void = () => {},
  ): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      try {
        await work();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
        this.#log[failures === 0 ? "warn" : "debug"]({ type: "consumer.troubled", reason: messageOf(error) });
        failures += 1;
        await pause(jittered(Math.min(2000, 50 * 2 ** Math.min(failures, 6))), signal);
      }
    }
  }
}
