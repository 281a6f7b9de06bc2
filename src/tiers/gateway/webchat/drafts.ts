/** Receives the drafts of answers on a connection of its own. They may be lost. */
import type { Redis } from "ioredis";
import { messageOf } from "../../../errors.ts";
import type { WordedLogger } from "../../../logger.ts";
import type { RedisClient } from "../../../redis/client.ts";
import { openBlockingConnection } from "../../../redis/connection.ts";
import type { Reader } from "../../../schema.ts";
import { number, object, readJson, text } from "../../../schema.ts";
import type { Draft } from "../../messages/draft.ts";
import { maxTextBytes } from "../../messages/envelope.ts";

/** JSON may write a byte of text as six; the rest is names */
const maxBytes = 6 * maxTextBytes + 2048;
const draftReader = object({
  channel: text(200),
  to: text(200),
  token: number,
  n: number,
  text: text(maxTextBytes),
}) satisfies Reader<Draft>;

export interface DraftsOptions {
  readonly redis: RedisClient;
  /** the name of the channel of Redis */
  readonly topic: string;
  readonly log: WordedLogger;
  readonly onDraft: (draft: Draft) => void;
}

/** Subscribes until the returned function is called, through every reconnect. */
export const followDrafts = ({ redis, topic, log, onDraft }: DraftsOptions): (() => void) => {
  const subscriber = openBlockingConnection(redis) as Redis;
  const ignore = (error: unknown) =>
    log.debug({ type: "draft.refused", reason: messageOf(error) }, `a draft is not shown: ${messageOf(error)}`);
  subscriber.on("message", (_topic: string, json: string) => {
    try {
      onDraft(readJson(json, { bytes: maxBytes, read: draftReader }));
    } catch (error) {
      ignore(error);
    }
  });
  subscriber.subscribe(topic).catch(ignore);
  return () => subscriber.disconnect();
};
