/**
 * Finds the gateway that holds a conversation. Each gateway subscribes to the conversations that it holds, so an answer reaches its
 * socket whichever gateway read it from the stream. Redis counts the subscribers that got it, so no gateway keeps a list of the others.
 */
import type { Redis } from "ioredis";
import { messageOf } from "../../errors.ts";
import type { WordedLogger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import { openBlockingConnection } from "../../redis/connection.ts";
import type { Reader } from "../../schema.ts";
import { number, object, readJson, text } from "../../schema.ts";
import type { Outbound } from "../messages/envelope.ts";
import { maxTextBytes, problemOf } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";

/** JSON may write a byte of text as six; the rest is names */
const maxBytes = 6 * maxTextBytes + 8192;
const outboundReader = object({
  id: text(),
  platform: text(),
  channel: text(),
  text: text(maxTextBytes),
  to: text(),
  at: number,
}) satisfies Reader<Outbound>;

type Deliver = (message: Outbound) => void;

export interface SwitchboardOptions {
  readonly redis: RedisClient;
  readonly platform: string;
  readonly log: WordedLogger;
}

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #subscriber: RedisClient;
  readonly #holders = new Map<string, Set<Deliver>>();

  constructor(options: SwitchboardOptions) {
    this.#options = options;
    this.#subscriber = openBlockingConnection(options.redis);
    (this.#subscriber as Redis).on("message", (topic: string, text: string) => this.#receive(topic, text));
  }

  /** Once it resolves, each answer for `channel` is passed to `deliver`, until the returned function is called. */
  async hold(channel: string, deliver: Deliver): Promise<() => void> {
    const topic = this.#topic(channel);
    const holders = this.#holders.get(topic) ?? new Set();
    this.#holders.set(topic, holders.add(deliver));
    const release = () => {
      holders.delete(deliver);
      if (holders.size > 0 || this.#holders.get(topic) !== holders) return;
      this.#holders.delete(topic);
      this.#subscriber.unsubscribe(topic).catch(() => {});
    };
    try {
      await this.#subscriber.subscribe(topic);
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }

  /** Publishes an answer to the gateways that hold its conversation. Rejects where none does. */
  async send(message: Outbound): Promise<void> {
    const receivers = await this.#options.redis.publish(this.#topic(message.channel), JSON.stringify(message));
    // a Cluster counts the subscribers of one node only
    if (receivers === 0 && !this.#options.redis.isCluster) throw new Error("no gateway holds this conversation");
  }

  /** Ends the subscriptions and their connection. Legal any number of times. */
  close(): void {
    this.#holders.clear();
    this.#subscriber.disconnect();
  }

  #topic(channel: string): string {
    return messageKeys(this.#options.redis).delivery(this.#options.platform, channel);
  }

  #receive(topic: string, json: string): void {
    try {
      const message = readJson(json, { bytes: maxBytes, read: outboundReader });
      const problem = problemOf(message);
      if (problem !== undefined) throw new Error(problem);
      for (const deliver of this.#holders.get(topic) ?? []) deliver(message);
    } catch (error) {
      this.#options.log.warn(
        { type: "delivery.refused", reason: messageOf(error) },
        `an answer is not delivered: ${messageOf(error)}`,
      );
    }
  }
}
