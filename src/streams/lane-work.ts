/** The lanes that one worker holds, and the work in each, message after message. `consumer.machine.ts` has the worker's state. */
import type { ClaimAnswer } from "../../machines/index.ts";
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Waiting } from "../until.ts";
import type { LaneWorkOptions } from "./attempt.ts";
import { attempt, handedBack } from "./attempt.ts";
import type { Claimed, Taken } from "./lanes.ts";
import { Lanes } from "./lanes.ts";
import { Lease } from "./lease.ts";
import { Settling } from "./settling.ts";

interface Signals {
  /** nothing more is begun */
  readonly stopping: AbortSignal;
  /** nothing more is asked of Redis */
  readonly left: AbortSignal;
}

/** One lane, and the message that is being handled. */
interface Held {
  task: Taken;
  readonly lease: Lease;
}

/** the most messages of one lane in a row, and the most ms for them, before the lane's turn ends */
const turnLength = 8;
const turnMs = 250;
/** ms after which claims under way are reported */
const claimingMs = 1000;

export class LaneWork<T> {
  readonly #lanes: Lanes;
  readonly #options: LaneWorkOptions<T>;
  readonly #signals: Signals;
  readonly #settling: Settling<T>;
  readonly #onFree: (free: { hasMore: boolean }) => void;
  readonly #held = new Set<Held>();
  readonly #busy = new Set<Promise<unknown>>();
  #asked = 0;
  /** as the last claim reported it */
  #isFull = false;

  /** `onFree` is called when a full worker has room; with `hasMore` where a lane may be due, full or not. */
  constructor(options: LaneWorkOptions<T>, signals: Signals, onFree: (free: { hasMore: boolean }) => void) {
    this.#lanes = new Lanes(options);
    this.#settling = new Settling(this.#lanes, options, signals.left);
    this.#options = options;
    this.#signals = signals;
    this.#onFree = onFree;
  }

  /** Creates stream and group unless they are there. */
  async join(): Promise<void> {
    const routed = await this.#lanes.join();
    if (routed > 0) this.#options.log.warn({ type: "consumer.routed", routed }, `${routed} pending messages were in no lane`);
  }

  /**
   * Claims, and begins the work: again and again while there is something to take, for `claimingMs` at most. Resolves with the last
   * claim: after one that fills the worker, or that takes nothing where the one before did not either.
   */
  async claim({ signal }: Waiting): Promise<ClaimAnswer> {
    const endsAt = systemClock.now() + claimingMs;
    for (let hasTaken = false; ; ) {
      const { routed, dueMs, hasMore, taken } = await this.#claimOnce(signal);
      const isOver = systemClock.now() >= endsAt;
      this.#isFull = this.#freeCount() <= 0;
      if (this.#isFull || isOver || !(hasTaken || hasMore || taken.length > 0))
        return { routed, dueMs, hasMore: hasMore || isOver, isFull: this.#isFull };
      hasTaken = taken.length > 0;
    }
  }

  /** A reply that is late counts as well, since its lanes are leased. */
  #claimOnce(signal: AbortSignal): Promise<Claimed> {
    let asked = 0;
    const wanted = (): number => {
      if (signal.aborted) return -1;
      asked = Math.max(0, this.#freeCount());
      this.#asked += asked;
      return asked;
    };
    const claimed = this.#lanes
      .claim(wanted)
      .finally(() => {
        this.#asked -= asked;
        // the chart has gone on as if these lanes were held
        if (signal.aborted) this.#onFree({ hasMore: true });
      })
      .then((answer) => {
        for (const task of answer.taken) this.#begin(task);
        return answer;
      });
    this.#track(claimed.catch(() => {}));
    return claimed;
  }

  /** Renews the leases, and aborts the work on lanes that another worker holds. */
  async renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const asked = [...this.#held].map((held) => ({ held, task: held.task }));
    const over = new Set(await this.#lanes.renew(asked.map(({ task }) => task)));
    // a message that was settled meanwhile has passed its lease on; the reply that has it may have come with this one
    await new Promise<void>((resolve) => void systemClock.setTimeout(resolve, 0));
    for (const { held, task } of asked)
      if (over.has(task.token) && held.task === task) held.lease.lose("another worker has taken this message");
  }

  /** Aborts all work; each message is handed back. */
  handBack(): void {
    for (const { lease } of this.#held) lease.lose("the worker is stopping");
  }

  /** Resolves once no lane is held and no claim is under way. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy);
  }

  #freeCount(): number {
    return this.#options.concurrency - this.#held.size - this.#asked;
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#busy.delete(tracked));
    this.#busy.add(tracked);
  }

  #begin(task: Taken): void {
    const held: Held = { task, lease: new Lease() };
    this.#held.add(held);
    const turn = this.#turn(held).catch((error: unknown) => {
      const [entry, reason] = [held.task.id, messageOf(error)];
      this.#options.log.warn({ type: "message.unsettled", entry, reason }, `message ${entry} stays with its lease: ${reason}`);
      return true;
    });
    this.#track(
      turn.then((hasMore) => {
        this.#held.delete(held);
        if (this.#isFull || hasMore) this.#onFree({ hasMore });
      }),
    );
  }

  /** Message after message of one lane. Resolves with whether the lane may be claimed again. */
  async #turn(held: Held): Promise<boolean> {
    const endsAt = systemClock.now() + turnMs;
    for (let n = 1; ; n += 1) {
      const goOn = () => n < turnLength && systemClock.now() < endsAt && !this.#signals.stopping.aborted;
      const { task, lease } = held;
      const outcome = this.#signals.stopping.aborted ? handedBack : await attempt(task, this.#options, lease);
      const { next, hasMore } = await this.#settling.end(task, outcome, goOn);
      if (next === undefined) return hasMore;
      held.task = next;
    }
  }
}
