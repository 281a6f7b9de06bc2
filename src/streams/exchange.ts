/**
 * The calls that settle messages and take others, as trips to Redis. Calls within `paceMs` share one trip: at a high rate a trip settles and
 * takes several messages, at a low one no call waits.
 */
import { systemClock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import type { Argument, Writes } from "../redis/commands.ts";
import { commandArguments } from "../redis/commands.ts";
import { runScript } from "../redis/script.ts";
import { callLimit, exchangeScript } from "./exchange-script.ts";
import type { RawFields } from "./fields.ts";
import { laneKeys } from "./keys.ts";
import { router } from "./scripts.ts";

/** ms between two trips at least, unless many messages are to be settled */
const paceMs = 3;
/** so many messages to settle make a trip at once */
const fullTrip = 8;
/** entries that one trip routes at most */
const routeLimit = 64;

/** A write of a message is no command, or Redis refused it; the commands before it have run. */
export class RefusedCommand extends Error {
  override readonly name: string = "RefusedCommand";
}

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
  /** ms; a lane whose time is farther ahead is taken at once, since the clock of Redis was set back. Default ten leases */
  readonly farMs?: number;
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
  /** ms until a lane may be taken; undefined where no lane has a message, and where this claim took something */
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

export interface ToSettle {
  readonly taken: Taken;
  readonly writes: Writes;
  readonly goOn: () => boolean;
}

interface Settling extends Omit<ToSettle, "writes"> {
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: unknown) => void;
}

interface Claiming {
  readonly wanted: () => number;
  readonly resolve: (claimed: Claimed) => void;
  readonly reject: (error: unknown) => void;
}

type RawTaken = readonly [Buffer, Buffer, number, number, number, readonly Buffer[] | number | null];
type RawSettled = readonly [result: number, next?: RawTaken | 0 | Buffer];
type RawClaimed = readonly [routed: Buffer, due: Buffer | null, more: number, taken: readonly RawTaken[]];

const isList = (value: unknown): value is readonly Buffer[] => Array.isArray(value);

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

const claimedOf = ([routed, due, more, taken]: RawClaimed): Claimed => ({
  routed: routed.toString(),
  dueMs: due === null ? undefined : Math.max(0, Math.ceil(Number(due) / 1000)),
  hasMore: Number(more) === 1,
  taken: taken.map(takenOf),
});

const settle = ([result, next]: RawSettled, { resolve, reject }: Settling): void => {
  if (Buffer.isBuffer(next)) reject(new RefusedCommand(next.toString()));
  else if (isList(next)) resolve({ isOver: false, hasMore: false, next: takenOf(next as RawTaken) });
  else resolve({ isOver: Number(result) === 0, hasMore: next !== undefined });
};

/** What is not keys and commands, of a handler without types for example, is refused before anything is sent. */
const sendable = ({ keys, commands }: Writes): Pick<Settling, "keys" | "args"> => {
  try {
    return { keys: [...keys], args: commandArguments(commands) };
  } catch (error) {
    throw new RefusedCommand(`these are no writes: ${messageOf(error)}`);
  }
};

export class Exchange {
  readonly #options: LanesOptions;
  readonly #keys: readonly string[];
  #settling: Settling[] = [];
  #claiming: Claiming[] = [];
  #nextAt = 0;
  #planned: { readonly isNow: boolean; readonly timer?: unknown } | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    const { waiting, lanes, heads, fence, routed } = laneKeys(options.stream);
    this.#keys = [options.stream, waiting, lanes, heads, fence, routed];
  }

  /** See `Lanes.settle`. */
  settle({ writes, ...one }: ToSettle): Promise<Settled> {
    return new Promise((resolve, reject) => {
      this.#settling.push({ ...one, ...sendable(writes), resolve, reject });
      this.#plan();
    });
  }

  /** See `Lanes.claim`. */
  claim(wanted: () => number): Promise<Claimed> {
    return new Promise((resolve, reject) => {
      this.#claiming.push({ wanted, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    const leftMs = this.#settling.length >= fullTrip ? 0 : this.#nextAt - systemClock.now();
    if (this.#planned?.isNow === true || (this.#planned !== undefined && leftMs > 0)) return;
    systemClock.clearTimeout(this.#planned?.timer);
    if (leftMs > 0) {
      this.#planned = { isNow: false, timer: systemClock.setTimeout(() => this.#flush(), leftMs) };
      return;
    }
    this.#planned = { isNow: true };
    // a tick comes after the promises that settle in this turn
    process.nextTick(() => this.#flush());
  }

  #flush(): void {
    this.#planned = undefined;
    this.#nextAt = systemClock.now() + paceMs;
    const settling = this.#settling;
    const [claiming, ...later] = this.#claiming;
    this.#settling = settling.splice(callLimit);
    this.#claiming = later;
    void this.#trip(settling, claiming);
    if (this.#settling.length + later.length > 0) this.#plan();
  }

  /** A trip of several messages that fails is repeated for each one alone, so that none fails because of another. */
  async #trip(settling: readonly Settling[], claiming: Claiming | undefined): Promise<void> {
    const wanted = Math.min(claiming?.wanted() ?? -1, callLimit);
    if (wanted < 0) claiming?.reject(new DOMException("nothing more is claimed", "AbortError"));
    if (wanted < 0 && settling.length === 0) return;
    try {
      const [answers, ...claimed] = await this.#send(settling, wanted);
      for (const [at, one] of settling.entries()) settle(answers[at]!, one);
      if (wanted >= 0) claiming?.resolve(claimedOf(claimed));
    } catch (error) {
      claiming?.reject(error);
      if (settling.length === 1 && wanted < 0) settling[0]?.reject(error);
      else for (const one of settling) void this.#trip([one], undefined);
    }
  }

  async #send(settling: readonly Settling[], wanted: number): Promise<readonly [readonly RawSettled[], ...RawClaimed]> {
    const { redis, group, laneFields, leaseMs, maxEntryBytes, farMs = 10 * leaseMs } = this.#options;
    const times = [leaseMs * 1000, maxEntryBytes, wanted, routeLimit, Math.round(farMs * 1000)];
    const args: Argument[] = [group, router, ...times, laneFields.length, ...laneFields];
    const keys = new Set(this.#keys);
    for (const one of settling) {
      for (const key of one.keys) keys.add(key);
      args.push(one.taken.lane, one.taken.id, one.taken.token, one.goOn() ? 1 : 0, one.args.length, ...one.args);
    }
    return (await runScript(redis, exchangeScript, { keys: [...keys], args, asBuffers: true })) as [RawSettled[], ...RawClaimed];
  }
}
