/** What the gateway and a platform (a chat network, a phone line, a page) give each other. */
import type { FastifyInstance } from "fastify";
import type { WordedLogger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Outbound } from "../messages/envelope.ts";

/** A message as a platform receives it. */
export interface PlatformMessage {
  /** the conversation within the platform, at most 200 bytes */
  readonly channel: string;
  readonly author: string;
  /** at most 16 KiB of UTF-8 */
  readonly text: string;
}

/** What the gateway gives a platform. */
export interface PlatformHost {
  /**
   * For routes; it does not listen yet. A request needs the token of the fleet, where there is one; a route with
   * `config: { isOpen: true }`, for a webhook of the platform for example, does not, and checks by itself who calls it.
   */
  readonly app: FastifyInstance;
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  /**
   * Writes a message to the inbound stream. Resolves with its id once Redis has it: from then on it is answered, whichever process dies.
   * Rejects with `SG_ERR_MESSAGE_INVALID`, or when Redis did not take the message.
   */
  accept(message: PlatformMessage): Promise<string>;
  /** Has `release` called when the gateway stops, last in, first out. */
  defer(release: () => unknown): void;
}

/** A platform. Legal in `GatewayOptions.platforms` of one gateway only. */
export interface PlatformAdapter {
  /** lower case letters, digits and dashes: the name of its outbound stream */
  readonly platform: string;
  /** Called once, before the gateway listens. */
  open(host: PlatformHost): Promise<void> | void;
  /** Delivers an answer. A rejection has it delivered again; after the third one the answer is a dead letter. */
  deliver(message: Outbound): Promise<void>;
}
