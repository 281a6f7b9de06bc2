/** The end of an attempt in Redis: the message is settled, rests, or is buried. */
import { messageOf } from "../errors.ts";
import { pause } from "../pause.ts";
import type { Writes } from "../redis/commands.ts";
import { reasonOf } from "../redis/reason.ts";
import { forManyWaits } from "../until.ts";
import type { LaneWorkOptions, Outcome } from "./attempt.ts";
import { failed, jittered } from "./attempt.ts";
import { deadLetterCommand } from "./dead-letters.ts";
import { RefusedCommand } from "./exchange.ts";
import { streamKeys } from "./keys.ts";
import type { Lanes, Settled, Taken } from "./lanes.ts";

type Dead<T> = Extract<Outcome<T>, { type: "dead" }>;

/** Whether Redis refused a command of the message itself. After any other error the outcome is unknown, or nothing was done. */
const isRefusal = (error: unknown): boolean =>
  error instanceof RefusedCommand && !/READONLY|MASTERDOWN|NOREPLICAS|MISCONF|OOM/.test(error.message);

export class Settling<T> {
  readonly #lanes: Lanes;
  readonly #options: LaneWorkOptions<T>;
  readonly #left: AbortSignal;

  /** Once `left` has aborted, nothing is asked again. */
  constructor(lanes: Lanes, options: LaneWorkOptions<T>, left: AbortSignal) {
    this.#lanes = lanes;
    this.#options = options;
    // each lane may be waiting for Redis
    this.#left = forManyWaits(left);
  }

  /** Ends an attempt; `goOn` is asked as the call is made. Rejects where Redis has not confirmed it until the worker has left. */
  async end(task: Taken, outcome: Outcome<T>, goOn: () => boolean): Promise<Settled> {
    if (outcome.type === "rests") {
      await this.#lanes.giveUp(task, outcome);
      return { isOver: false, hasMore: true };
    }
    if (outcome.type === "dead") return this.#bury(task, outcome, goOn);
    try {
      return await this.#settle(task, outcome.writes, goOn);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const { message } = outcome;
      return this.end(task, failed(task, this.#options, { reason: reasonOf(error), message }), goOn);
    }
  }

  /** Settles with the caller's writes, unless Redis refuses them. */
  async #bury(task: Taken, dead: Dead<T>, goOn: () => boolean): Promise<Settled> {
    const { redis, stream, group, log } = this.#options;
    const { id: entry, fields } = task;
    const { reason, attempts } = dead;
    const { deadLetters } = streamKeys(redis);
    const letter = { stream, group, entry, attempts, reason, fields: typeof fields === "object" ? fields : [] };
    const command = deadLetterCommand(deadLetters, letter);
    const { keys, commands } = this.#notice(entry, dead);
    const withNotice = { keys: [...keys, deadLetters], commands: [...commands, command] };
    const settled = await this.#settle(task, withNotice, goOn).catch((error: unknown) => {
      if (commands.length === 0 || !isRefusal(error)) throw error;
      return this.#settle(task, { keys: [deadLetters], commands: [command] }, goOn);
    });
    if (!settled.isOver)
      log.error({ type: "message.buried", entry, attempts, reason }, `message ${entry} is a dead letter: ${reason}`);
    return settled;
  }

  #notice(entryId: string, { message, reason }: Dead<T>): Writes {
    const none: Writes = { keys: [], commands: [] };
    if (message === undefined) return none;
    try {
      return this.#options.buried?.(message, { entryId, reason }) ?? none;
    } catch (error) {
      const why = messageOf(error);
      this.#options.log.warn(
        { type: "message.notice", entry: entryId, reason: why },
        `nothing is written for its author: ${why}`,
      );
      return none;
    }
  }

  /** Repeats the call under the same token while the outcome is unknown. */
  async #settle(task: Taken, writes: Writes, goOn: () => boolean): Promise<Settled> {
    const { log } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        const settled = await this.#lanes.settle(task, writes, goOn);
        const { id: entry } = task;
        if (settled.isOver && tries === 1)
          log.warn({ type: "message.refused", entry }, `message ${entry} is not settled: another worker has it`);
        // an earlier call may have settled it, and have handed the lane on
        return settled.isOver ? { ...settled, hasMore: true } : settled;
      } catch (error) {
        if (isRefusal(error) || this.#left.aborted) throw error;
        await pause(jittered(Math.min(1000, 25 * 2 ** Math.min(tries, 6))), { signal: this.#left });
      }
    }
  }
}
