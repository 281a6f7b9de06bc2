/** A draft: what a responder has written of an answer so far. It may be lost; the answer replaces it. */
import type { RedisClient } from "../../redis/client.ts";
import { messageKeys } from "./keys.ts";

export interface Draft {
  readonly channel: string;
  /** the id of the message that is being answered */
  readonly to: string;
  /** the fencing token of the attempt: a higher one begins the draft anew */
  readonly token: number;
  /** 1 for the first text of an attempt; an older one is not shown after a newer one */
  readonly n: number;
  /** the whole text so far, at most 16 KiB of UTF-8; empty where the work has begun and there is none yet */
  readonly text: string;
}

/** Publishes a draft to the gateways of a platform. Resolves once it is sent, with no gateway there too; rejects with Redis' error. */
export const publishDraft = async (redis: RedisClient, platform: string, draft: Draft): Promise<void> => {
  await redis.publish(messageKeys(redis).live(platform), JSON.stringify(draft));
};
