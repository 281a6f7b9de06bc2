/** The keys of lanes and dead letters; the streams themselves are named by the caller. */
import { keysBehind } from "../redis/keys.ts";

export interface StreamKeys {
  /** stream: messages that failed too often, or that cannot be read */
  readonly deadLetters: string;
}

export const streamKeys = keysBehind<StreamKeys>((prefix) => ({ deadLetters: `${prefix}sg:stream:dlq` }));

/** What stands beside a stream whose messages are handled in lanes. On a Cluster they share the hash tag of the stream's key. */
export interface LaneKeys {
  /** sorted set of score 0: a lane, NUL, and the padded id of an entry, of all that has been routed and is not settled */
  readonly waiting: string;
  /** sorted set: when each lane may be taken, µs by the clock of Redis. The past: ready; the future: leased, or resting after a failure */
  readonly lanes: string;
  /** hash: the message at the head of each lane that was begun, and by which token */
  readonly heads: string;
  /** string: the last fencing token */
  readonly fence: string;
  /** string: the id of the last entry that was routed into its lane */
  readonly routed: string;
}

export const laneKeys = (stream: string): LaneKeys => ({
  waiting: `${stream}:waiting`,
  lanes: `${stream}:lanes`,
  heads: `${stream}:heads`,
  fence: `${stream}:fence`,
  routed: `${stream}:routed`,
});
