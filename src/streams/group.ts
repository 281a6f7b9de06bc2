/** One consumer of a group on a stream: every call to Redis that reading in a group takes. */
import type { RedisClient } from "../redis/client.ts";
import { runScript } from "../redis/script.ts";
import type { RawFields } from "./fields.ts";
import { streamKeys } from "./keys.ts";
import { againScript, buryScript, claimScript, forgetScript, leaveScript, touchScript, trimScript } from "./scripts.ts";

/** An entry that was delivered to this consumer, for the `attempt`th time. */
export interface Delivery {
  readonly id: string;
  readonly fields: RawFields;
  readonly attempt: number;
}

export interface GroupOptions {
  /** used for short commands only; never closed or reconfigured */
  readonly redis: RedisClient;
  /** the stream's key */
  readonly stream: string;
  readonly group: string;
  /** the consumer's name: unique among the live ones of the group */
  readonly consumer: string;
}

type RawEntry = readonly [id: Buffer, fields: RawFields | null];

export class ConsumerGroup {
  readonly #options: GroupOptions;
  #cursor = "0-0";

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Creates stream and group unless they are there; a new group starts with the oldest entry. */
  async ensure(): Promise<void> {
    const { redis, stream, group } = this.#options;
    try {
      await redis.xgroup("CREATE", stream, group, "0", "MKSTREAM");
    } catch (error) {
      if (!String(error).includes("BUSYGROUP")) throw error;
    }
  }

  /**
   * Waits up to `blockMs` for entries that the group has not read, on a connection that is used for nothing else. Creates a group
   * that is missing, at the start or after a flush, and resolves with nothing then.
   */
  async read(blocking: RedisClient, count: number, blockMs: number): Promise<Delivery[]> {
    try {
      return await this.#read(blocking, count, blockMs);
    } catch (error) {
      if (!String(error).includes("NOGROUP")) throw error;
      await this.ensure();
      return [];
    }
  }

  async #read(blocking: RedisClient, count: number, blockMs: number): Promise<Delivery[]> {
    const { stream, group, consumer } = this.#options;
    const found = await blocking.xreadgroupBuffer(
      "GROUP",
      group,
      consumer,
      "COUNT",
      count,
      "BLOCK",
      blockMs,
      "STREAMS",
      stream,
      ">",
    );
    const entries = ((found as [Buffer, RawEntry[]][] | null)?.[0]?.[1] ?? []) as RawEntry[];
    return entries.map(([id, fields]) => ({ id: id.toString(), fields: fields ?? [], attempt: 1 }));
  }

  /** Claims at most `count` entries that were not touched for `minIdleMs`; each call goes on where the last one ended. */
  async claim(minIdleMs: number, count: number): Promise<Delivery[]> {
    const { redis, stream, group, consumer } = this.#options;
    const found = await redis.callBuffer("EVAL", claimScript.lua, 1, stream, group, consumer, minIdleMs, this.#cursor, count);
    const [cursor, ...entries] = found as [Buffer, ...[Buffer, RawFields, number][]];
    this.#cursor = cursor.toString();
    return entries.map(([id, fields, attempt]) => ({ id: id.toString(), fields, attempt }));
  }

  /** Resets the idle time of these entries. Resolves with the ones that are still this consumer's. */
  async touch(ids: readonly string[]): Promise<string[]> {
    const { redis, stream, group, consumer } = this.#options;
    return (await runScript(redis, touchScript, { keys: [stream], args: [group, consumer, ...ids] })) as string[];
  }

  /** Counts another attempt. Resolves with its number, or 0 where the entry is no longer this consumer's. */
  async again(id: string): Promise<number> {
    const { redis, stream, group, consumer } = this.#options;
    return (await runScript(redis, againScript, { keys: [stream], args: [group, consumer, id] })) as number;
  }

  async acknowledge(id: string): Promise<void> {
    const { redis, stream, group } = this.#options;
    await redis.xack(stream, group, id);
  }

  /** Moves the entry to the dead letters, in one step with its acknowledgement. */
  async bury({ id, attempt }: Delivery, reason: string, nowMs: number): Promise<void> {
    const { redis, stream, group } = this.#options;
    await runScript(redis, buryScript, {
      keys: [stream, streamKeys(redis).deadLetters],
      args: [group, id, reason, attempt, nowMs],
    });
  }

  /** Leaves the group. Other consumers may claim the unfinished entries at once: they count as untouched for `idleMs`. */
  async leave(idleMs: number): Promise<void> {
    const { redis, stream, group, consumer } = this.#options;
    await runScript(redis, leaveScript, { keys: [stream], args: [group, consumer, idleMs] });
  }

  /** Drops the entries that all groups have settled, and the consumers without entries, once they are older than `retainMs`. */
  async tidy(retainMs: number): Promise<void> {
    const { redis, stream, group } = this.#options;
    await runScript(redis, trimScript, { keys: [stream], args: [retainMs] });
    await runScript(redis, forgetScript, { keys: [stream], args: [group, retainMs] });
  }
}
