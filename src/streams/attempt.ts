/** One attempt at a message, and its outcome, before anything is written. */
import { messageOf } from "../errors.ts";
import type { WordedLogger } from "../logger.ts";
import type { Writes } from "../redis/commands.ts";
import type { Parsed, RawFields } from "./fields.ts";
import type { LanesOptions, Taken } from "./lanes.ts";
import type { Lease } from "./lease.ts";

/** The input of the work on one message. */
export interface Work {
  /** the values of the lane's fields, joined by `/` */
  readonly lane: string;
  /** the entry's id */
  readonly entryId: string;
  /** 1 for the first */
  readonly attempt: number;
  /** the fencing token of this attempt, larger than that of every earlier one */
  readonly token: number;
  /** aborts when the lease of the lane is lost, and when the grace at the end is over */
  readonly signal: AbortSignal;
}

/** A message that becomes a dead letter. */
export interface Burial {
  readonly entryId: string;
  readonly reason: string;
}

export interface LaneWorkOptions<T> extends LanesOptions {
  readonly parse: (fields: RawFields) => Parsed<T>;
  /**
   * The work on one message. The writes that it resolves with are carried out in one step with the acknowledgement, unless another
   * worker has the lane by then; without writes the message is only acknowledged. A rejection is a failed attempt, and `FinalFailure` the last one.
   */
  readonly handle: (message: T, work: Work) => Promise<Writes | undefined>;
  /** The commands that notify the author, run in one step with the dead letter. Not called for an entry that cannot be read. */
  readonly buried?: (message: T, burial: Burial) => Writes;
  readonly log: WordedLogger;
  /** lanes at once. Default 16 */
  readonly concurrency: number;
  /** failed attempts before a message becomes a dead letter. Default 3 */
  readonly maxAttempts: number;
  /** leases that end without an answer before a message becomes a dead letter. Default 5 */
  readonly maxLostLeases: number;
  /** ms that a lane rests after a failure; doubled with each further one. Default 1000 */
  readonly retryMs: number;
}

/** The error of a handler for a message on which every further attempt would fail: it becomes a dead letter at once. */
export class FinalFailure extends Error {
  override readonly name: string = "FinalFailure";
}

/** The outcome of an attempt. */
export type Outcome<T> =
  | { readonly type: "done"; readonly writes: Writes; readonly message: T }
  | { readonly type: "rests"; readonly restMs: number; readonly isCounted: boolean }
  | { readonly type: "dead"; readonly reason: string; readonly attempts: number; readonly message?: T };

const nothing: Writes = { keys: [], commands: [] };

/** Not counted: the worker stops, or has lost the lane. */
export const handedBack = { type: "rests", restMs: 0, isCounted: false } as const;

/** A random time near `ms`, so that workers that began together do not stay in step. */
export const jittered = (ms: number): number => ms * (0.8 + 0.4 * Math.random());

/** ms of the longest rest of a lane; the last failure has none. */
export const longestRestMs = ({ retryMs, maxAttempts }: Pick<LaneWorkOptions<unknown>, "retryMs" | "maxAttempts">): number =>
  1.2 * retryMs * 2 ** Math.max(0, maxAttempts - 2);

const parsed = <T>({ fields }: Taken, { parse, maxEntryBytes }: LaneWorkOptions<T>): Parsed<T> => {
  if (fields === undefined) return { ok: false, reason: "its entry is gone" };
  if (typeof fields === "number") return { ok: false, reason: `it has ${fields} bytes, more than ${maxEntryBytes}` };
  return parse(fields);
};

/** The input of the work. Its signal is created on first access. */
class WorkOn implements Work {
  readonly lane: string;
  readonly entryId: string;
  readonly attempt: number;
  readonly token: number;
  readonly #lease: Lease;

  constructor({ lane, id, token, failures, lost }: Taken, lease: Lease) {
    this.lane = String(lane);
    this.entryId = id;
    this.attempt = failures + lost + 1;
    this.token = token;
    this.#lease = lease;
  }

  get signal(): AbortSignal {
    return this.#lease.signal;
  }
}

/** Makes one attempt. Never rejects; ends at once where the lease is lost, also where the handler does not. */
export const attempt = async <T>(task: Taken, options: LaneWorkOptions<T>, lease: Lease): Promise<Outcome<T>> => {
  const { maxLostLeases, log } = options;
  const { id: entry, lost } = task;
  const attempts = task.failures + lost;
  const read = parsed(task, options);
  if (!read.ok) return { type: "dead", reason: read.reason, attempts };
  const message = read.value;
  if (lost > 0) log.warn({ type: "message.claimed", entry, lost }, `message ${entry} is taken over from another worker`);
  if (lost >= maxLostLeases) return { type: "dead", reason: `its worker died or was paused ${lost} times`, attempts, message };
  try {
    const handled = handle(message, new WorkOn(task, lease), options);
    return { type: "done", writes: (await lease.whileHeld(handled)) ?? nothing, message };
  } catch (error) {
    if (lease.isLost) return handedBack;
    const limits = error instanceof FinalFailure ? { ...options, maxAttempts: 0 } : options;
    return failed(task, limits, { reason: messageOf(error), message });
  }
};

/** What the handler throws is a rejection. */
const handle = async <T>(message: T, work: Work, options: LaneWorkOptions<T>): Promise<Writes | undefined> =>
  options.handle(message, work);

/** The outcome of a failure: the lane rests, or the message becomes a dead letter. */
export const failed = <T>(
  { id: entry, failures, lost }: Taken,
  { maxAttempts, retryMs, log }: LaneWorkOptions<T>,
  { reason, message }: { readonly reason: string; readonly message: T },
): Outcome<T> => {
  const attempts = failures + lost + 1;
  log.warn(
    { type: "message.failed", entry, attempt: attempts, reason },
    `message ${entry} failed, attempt ${attempts}: ${reason}`,
  );
  if (failures + 1 < maxAttempts) return { type: "rests", restMs: jittered(retryMs * 2 ** failures), isCounted: true };
  return { type: "dead", reason, attempts, message };
};
