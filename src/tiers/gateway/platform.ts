/** What a platform (a chat network, a phone line, a page) is to the gateway. */
import type { FastifyInstance } from "fastify";
import type { Logger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Outbound } from "../messages/envelope.ts";

/** A message as a platform has it. */
export interface Spoken {
  /** the conversation, at most 200 bytes */
  readonly channel: string;
  readonly author: string;
  /** at most 16 KiB of UTF-8 */
  readonly text: string;
}

/** What the gateway gives a platform. */
export interface PlatformHost {
  /** for routes; nothing listens yet */
  readonly app: FastifyInstance;
  readonly redis: RedisClient;
  readonly log: Logger;
  /**
   * Takes a message. Once it resolves, with the message's id, the message will be answered, whatever dies. Rejects with
   * SG_ERR_MESSAGE_INVALID, or when Redis did not take it.
   */
  accept(spoken: Spoken): Promise<string>;
  /** has something released when the gateway stops, last in first out */
  defer(release: () => unknown): void;
}

export interface PlatformAdapter {
  /** lower case letters, digits and dashes: the name of its outbound stream */
  readonly platform: string;
  /** Called once, before the gateway listens. */
  open(host: PlatformHost): Promise<void> | void;
  /** Delivers an answer. Rejects where it could not: it is tried again, and goes to the dead letters after the third time. */
  deliver(message: Outbound): Promise<void>;
}
