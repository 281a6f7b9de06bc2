/** The lanes that one worker holds, and the work in each, message after message. `consumer.machine.ts` has the worker's state. */
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
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

export class LaneWork<T> {
  readonly #lanes: Lanes;
  readonly #options: LaneWorkOptions<T>;
  readonly #signals: Signals;
  readonly #settling: Settling<T>;
  readonly #onFree: (free: { hasMore: boolean }) => void;
  readonly #held = new Set<Held>();
  readonly #busy = new Set<Promise<unknown>>();
  #asked = 0;

  /** `onFree` is called at the end of each lane's turn; `hasMore` where a lane may be due by it. */
  constructor(options: LaneWorkOptions<T>, signals: Signals, onFree: (free: { hasMore: boolean }) => void) {
    this.#lanes = new Lanes(options);
    this.#settling = new Settling(this.#lanes, options, signals.left);
    this.#options = options;
    this.#signals = signals;
    this.#onFree = onFree;
  }

  get isFull(): boolean {
    return this.#held.size + this.#asked >= this.#options.concurrency;
  }

  /** Creates stream and group unless they are there. */
  async join(): Promise<void> {
    const routed = await this.#lanes.join();
    if (routed > 0) this.#options.log.warn({ type: "consumer.routed", routed }, `${routed} pending messages were in no lane`);
  }

  /** Claims lanes that are due and begins their work. A late reply counts as well, since its lanes are leased. */
  claim(): Promise<Claimed> {
    const wanted = this.#options.concurrency - this.#held.size - this.#asked;
    this.#asked += wanted;
    const claimed = this.#lanes.claim(wanted).finally(() => {
      this.#asked -= wanted;
    });
    const begun = claimed.then((answer) => {
      for (const task of answer.taken) this.#begin(task);
      return answer;
    });
    this.#track(begun.catch(() => {}));
    return begun;
  }

  /** Renews the leases, and aborts the work on lanes that another worker holds. */
  async renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const asked = [...this.#held].map((held) => ({ held, task: held.task }));
    const over = new Set(await this.#lanes.renew(asked.map(({ task }) => task)));
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
        this.#onFree({ hasMore });
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
