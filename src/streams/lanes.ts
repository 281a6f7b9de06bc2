/** The calls of one worker to the scripts of the lanes. */
import type { RedisClient } from "../redis/client.ts";
import type { Argument, Writes } from "../redis/commands.ts";
import { commandArguments } from "../redis/commands.ts";
import { runScript } from "../redis/script.ts";
import type { RawFields } from "./fields.ts";
import { laneKeys } from "./keys.ts";
import { claimScript, giveUpScript, joinScript, renewScript, router, settleScript } from "./scripts.ts";

export interface LanesOptions {
  /** used for short commands only; never closed or reconfigured */
  readonly redis: RedisClient;
  /** the stream's key */
  readonly stream: string;
  readonly group: string;
  /** the names of the fields whose values make the lane: messages of one lane are handled one after another, in order */
  readonly laneFields: readonly string[];
  /** ms for which a lane is leased; renewed while its worker lives. Default 10000 */
  readonly leaseMs: number;
  /** an entry with more bytes than that is not read, but buried. Default 1 MiB */
  readonly maxEntryBytes: number;
}

/** A message that was taken, and the lease of its lane. */
export interface Taken {
  /** bytes where it is not UTF-8 */
  readonly lane: string | Buffer;
  readonly id: string;
  /** the fencing token of this attempt */
  readonly token: number;
  /** how often the message has failed */
  readonly failures: number;
  /** how often the lease of its lane has ended without an answer: its worker died, or was paused */
  readonly lost: number;
  /** undefined where the entry is gone, the number of its bytes where those are too many */
  readonly fields: RawFields | number | undefined;
}

export interface Claimed {
  /** the id of the last entry that is in its lane */
  readonly routed: string;
  /** ms until a lane may be taken; undefined where no lane has a message */
  readonly dueMs: number | undefined;
  /** whether the stream may have more that is in no lane */
  readonly hasMore: boolean;
  readonly taken: readonly Taken[];
}

/** The result of settling a message: `over` if the lease of the lane had ended, and then nothing was written. */
export interface Settled {
  readonly isOver: boolean;
  /** the next message of the lane, leased */
  readonly next?: Taken;
  /** whether the lane has another message that was not taken */
  readonly hasMore: boolean;
}

type RawTaken = readonly [Buffer, Buffer, number, number, number, readonly Buffer[] | number | null];

/** A string is sent without a copy; bytes that are not UTF-8 stay bytes, since a string would change them. */
const laneOf = (bytes: Buffer): string | Buffer => {
  const text = bytes.toString();
  return text.includes("\ufffd") ? bytes : text;
};

const takenOf = ([lane, id, token, failures, lost, fields]: RawTaken): Taken => ({
  lane: laneOf(lane),
  id: id.toString(),
  token: Number(token),
  failures: Number(failures),
  lost: Number(lost),
  fields: fields === null ? undefined : isList(fields) ? fields : Number(fields),
});

const isList = (value: unknown): value is readonly Buffer[] => Array.isArray(value);

/** entries that one claim routes at most */
const routeLimit = 64;

export class Lanes {
  readonly #options: LanesOptions;
  /** of `joinScript` and `claimScript`, of `settleScript`, and of the others */
  readonly #keys: readonly string[];
  readonly #settled: readonly string[];
  readonly #own: readonly string[];

  constructor(options: LanesOptions) {
    this.#options = options;
    const { waiting, lanes, heads, fence, routed } = laneKeys(options.stream);
    this.#keys = [options.stream, waiting, lanes, heads, fence, routed];
    this.#settled = this.#keys.slice(0, 5);
    this.#own = [lanes, heads];
  }

  /** Creates stream and group unless they are there. Resolves with how many pending entries were put into their lanes. */
  async join(): Promise<number> {
    const { redis, group, laneFields } = this.#options;
    return Number(await runScript(redis, joinScript, { keys: this.#keys, args: [group, router, ...laneFields] }));
  }

  /** Takes at most `wanted` lanes. */
  async claim(wanted: number): Promise<Claimed> {
    const { redis, group, laneFields, maxEntryBytes } = this.#options;
    const args = [group, router, this.#leaseUs, wanted, routeLimit, maxEntryBytes, ...laneFields];
    const [routed, due, more, taken] = (await runScript(redis, claimScript, { keys: this.#keys, args, asBuffers: true })) as [
      Buffer,
      Buffer | null,
      number,
      RawTaken[],
    ];
    const dueMs = due === null ? undefined : Math.max(0, Math.ceil(Number(due) / 1000));
    return { routed: routed.toString(), dueMs, hasMore: Number(more) === 1, taken: taken.map(takenOf) };
  }

  /** Settles a message; with `goOn` the lease passes to the lane's next one. May be called again where the outcome is unknown. */
  async settle({ lane, id, token }: Taken, { keys, commands }: Writes, goOn: boolean): Promise<Settled> {
    const { redis, group, maxEntryBytes } = this.#options;
    const head: Argument[] = [group, lane, id, token, this.#leaseUs, goOn ? 1 : 0, maxEntryBytes];
    const call = { keys: [...this.#settled, ...keys], args: [...head, ...commandArguments(commands)], asBuffers: true };
    const [applied, next] = (await runScript(redis, settleScript, call)) as [number, (RawTaken | 0)?];
    if (isList(next)) return { isOver: false, hasMore: false, next: takenOf(next as RawTaken) };
    return { isOver: Number(applied) === 0, hasMore: next !== undefined };
  }

  /** Gives an attempt up. Resolves with whether its lease was still held. */
  async giveUp({ lane, id, token }: Taken, { restMs, isCounted }: { restMs: number; isCounted: boolean }): Promise<boolean> {
    const args = [lane, id, token, Math.round(restMs * 1000), isCounted ? 1 : 0];
    return Number(await runScript(this.#options.redis, giveUpScript, { keys: this.#own, args })) === 1;
  }

  /** Renews the leases. Resolves with the tokens of those that have ended. */
  async renew(taken: readonly Taken[]): Promise<readonly number[]> {
    const args = [this.#leaseUs, ...taken.flatMap(({ lane, token }) => [lane, token])];
    return ((await runScript(this.#options.redis, renewScript, { keys: this.#own, args })) as unknown[]).map(Number);
  }

  get #leaseUs(): number {
    return this.#options.leaseMs * 1000;
  }
}
