/** The consumer groups of a stream, as Redis knows them. Reads only. */
import type { RedisClient } from "../redis/client.ts";

export interface GroupState {
  readonly name: string;
  readonly readers: number;
  /** entries that were taken in and are not settled */
  readonly pending: number;
  /** the id of the last entry that a reader has taken in */
  readonly lastDelivered: string;
  /** entries that no reader has taken in; null where Redis does not know: below 7.0, and behind a deleted entry */
  readonly lag: number | null;
}

type Reply = readonly (string | number | null)[];

const groupOf = (reply: Reply): GroupState => {
  const fields = new Map(reply.flatMap((name, at) => (at % 2 === 0 ? [[name, reply[at + 1] ?? null] as const] : [])));
  const lag = fields.get("lag");
  return {
    name: String(fields.get("name")),
    readers: Number(fields.get("consumers") ?? 0),
    pending: Number(fields.get("pending") ?? 0),
    lastDelivered: String(fields.get("last-delivered-id") ?? "0-0"),
    lag: typeof lag === "number" ? lag : null,
  };
};

/** None where there is no such stream. Rejects with the error of Redis. */
export const readGroups = async (redis: RedisClient, stream: string): Promise<readonly GroupState[]> => {
  try {
    return ((await redis.xinfo("GROUPS", stream)) as Reply[]).map(groupOf);
  } catch (error) {
    if (String(error).includes("no such key")) return [];
    throw error;
  }
};
