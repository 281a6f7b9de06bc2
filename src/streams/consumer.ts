/** A worker on a stream whose messages are handled in lanes: `consumer.machine.ts` on Redis. */
import { createActor, fromCallback, fromPromise, toPromise } from "xstate";
import { consumerMachine, defaultConsumerTimes } from "../../machines/consumer.machine.ts";
import type { ClaimAnswer, Companion, ConsumerTimes } from "../../machines/index.ts";
import { every, systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import { silentLogger } from "../logger.ts";
import type { LaneWorkOptions } from "./attempt.ts";
import { longestRestMs } from "./attempt.ts";
import { LaneWork } from "./lane-work.ts";
import { Wake } from "./wake.ts";

const defaults = {
  log: silentLogger,
  leaseMs: 10_000,
  maxEntryBytes: 1_048_576,
  concurrency: 16,
  maxAttempts: 3,
  maxLostLeases: 5,
  retryMs: 1000,
  graceMs: defaultConsumerTimes.graceMs,
};

type Given = "redis" | "stream" | "group" | "laneFields" | "parse" | "handle";

/** See `LaneWorkOptions`, `LanesOptions` and `ConsumerTimes`. Only the stream and the handler have no default. */
export type ConsumerOptions<T> = Pick<LaneWorkOptions<T>, Given> &
  Partial<Omit<LaneWorkOptions<T>, Given>> & {
    /** ms for the work under way at the end. Default 5000 */
    readonly graceMs?: number;
  };

export interface RunOptions {
  /** the end: nothing more is claimed once it has aborted */
  readonly signal: AbortSignal;
  /** runs the chart as a child of a service's, which `/status` and the inspector show; it ends with the service's drain at last. Default: alone */
  readonly spawn?: (companion: Companion) => Promise<void>;
}

const withDefaults = <T>(given: ConsumerOptions<T>): LaneWorkOptions<T> & { graceMs: number } => {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const all = { ...defaults, ...(set as typeof given) };
  return { farMs: 10 * Math.max(all.leaseMs, longestRestMs(all)), ...all };
};

/** The lanes that end in one turn of the event loop are one event. */
const oncePerTurn = (send: (hasMore: boolean) => void): ((free: { hasMore: boolean }) => void) => {
  let pending: { hasMore: boolean } | undefined;
  const flush = (): void => {
    const { hasMore = false } = pending ?? {};
    pending = undefined;
    send(hasMore);
  };
  return ({ hasMore }) => {
    if (pending === undefined) systemClock.setTimeout(flush, 0);
    pending = { hasMore: hasMore || pending?.hasMore === true };
  };
};

export class LaneConsumer<T> {
  readonly #options: LaneWorkOptions<T> & { readonly graceMs: number };

  constructor(options: ConsumerOptions<T>) {
    this.#options = withDefaults(options);
  }

  /**
   * Handles messages until `signal` aborts; then it claims nothing more, gives the work under way `graceMs`, and hands the rest back to
   * the other workers at once. Resolves within `graceMs` and a second of the abort, in every condition of Redis. A failure of Redis is
   * logged and retried. Call it once per consumer.
   */
  async run({ signal, spawn }: RunOptions): Promise<void> {
    const { stream, graceMs } = this.#options;
    const input = { times: { ...defaultConsumerTimes, graceMs } satisfies ConsumerTimes, random: Math.random };
    const logic = this.#logic(signal);
    if (spawn !== undefined) return spawn({ name: `consumer.${stream.replace(/^.*:/, "")}`, logic, input });
    await toPromise(createActor(logic, { input }).start());
  }

  #logic(end: AbortSignal) {
    const { redis, stream, leaseMs, log } = this.#options;
    const [stopping, left] = [new AbortController(), new AbortController()];
    const wake = new Wake(redis, stream);
    let freed = (_: { hasMore: boolean }): void => {};
    const work = new LaneWork(this.#options, { stopping: stopping.signal, left: left.signal }, (free) => freed(free));
    const renew = () => work.renew().catch((error: unknown) => log.debug({ type: "lease.unrenewed" }, messageOf(error)));
    return consumerMachine.provide({
      actors: {
        holdLanes: fromCallback(({ sendBack }) => {
          freed = oncePerTurn((hasMore) => sendBack({ type: "lane.freed", hasMore }));
          const endRenewing = every(leaseMs / 4, renew);
          const resign = () => sendBack({ type: "resign" });
          if (end.aborted) resign();
          else end.addEventListener("abort", resign, { once: true });
          return () => {
            end.removeEventListener("abort", resign);
            freed = () => {};
            endRenewing();
            stopping.abort();
            left.abort();
            wake.close();
          };
        }),
        joinGroup: fromPromise(() => work.join()),
        claimLanes: fromPromise<ClaimAnswer>(({ signal }) => work.claim({ signal })),
        awaitEntry: fromPromise<void, { readonly routed: string }>(({ input, signal }) => wake.next(input.routed, { signal })),
        finishWork: fromPromise(() => {
          wake.close();
          stopping.abort();
          return work.idle();
        }),
        handBack: fromPromise(() => {
          work.handBack();
          return work.idle();
        }),
      },
      actions: {
        reportTrouble: ({ context: { failures, trouble } }) =>
          log[failures === 1 ? "warn" : "debug"](
            { type: "consumer.troubled", reason: trouble },
            `a call for the stream failed: ${trouble}`,
          ),
      },
    });
  }
}
