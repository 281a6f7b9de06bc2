/** What the gateway and a platform (a chat network, a phone line, a page) give each other. */
import type { FastifyInstance } from "fastify";
import type { WordedLogger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Waiting } from "../../until.ts";
import type { Acceptance, AcceptOptions } from "../messages/accept.ts";
import type { Outbound } from "../messages/envelope.ts";

/** A message as a platform receives it. */
export interface PlatformMessage {
  /** at most 128 bytes, unique among the messages of all platforms; default a random one */
  readonly id?: string;
  /** the conversation within the platform, at most 200 bytes */
  readonly channel: string;
  readonly author: string;
  /** at most 16 KiB of UTF-8 */
  readonly text: string;
}

/** What the gateway gives a platform. */
export interface PlatformHost extends Waiting {
  /**
   * For routes; it does not listen yet. A request needs the token of the fleet, where there is one; a route with
   * `config: { isOpen: true }`, for a webhook of the platform for example, does not, and checks by itself who calls it.
   */
  readonly app: FastifyInstance;
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  /**
   * Accepts a message for the workers. Once it resolves with `accepted` or `again` the message is in Redis: it gets one answer,
   * whichever process dies. With `busy` nothing was written; the platform sends the message again later or informs its author.
   * Rejects with `SG_ERR_MESSAGE_INVALID`, or with Redis' error, and then the outcome is unknown: repeated with the same number
   * (`numbered`), the message is accepted once.
   */
  accept(message: PlatformMessage, options?: AcceptOptions): Promise<Acceptance>;
  /** Has `release` called when the gateway stops, last in, first out. */
  defer(release: () => unknown): void;
}

/** A platform. Legal in `GatewayOptions.platforms` of one gateway only. */
export interface PlatformAdapter {
  /** lower case letters, digits and dashes: the name of its outbound stream */
  readonly platform: string;
  /** Called once, before the gateway listens. The signal of the host aborts when the gateway begins to stop. */
  open(host: PlatformHost): Promise<void> | void;
  /** Called once the gateway runs. Resolves after its signal has aborted, when every connection has been asked to end. */
  serve?(options: Waiting): Promise<void>;
  /**
   * Delivers an answer, for a platform that is pushed to. A rejection has it delivered again; after the third one the answer is a dead
   * letter. The signal aborts when the worker stops or has lost the answer to another one. Without it, the platform reads its answers from the outbound stream and the logs by itself.
   */
  deliver?(message: Outbound, options: Waiting): Promise<void>;
}
