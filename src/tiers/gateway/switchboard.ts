/**
 * Finds the gateway that holds a conversation: each subscribes to those it holds, so that an answer reaches its socket whichever
 * gateway has read it from the stream. How many heard it is Redis' own count, so nobody has to guess who is still there.
 */
import type { Redis } from "ioredis";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import { openBlockingConnection } from "../../redis/connection.ts";
import type { Outbound } from "../messages/envelope.ts";
import { problemOf } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";

type Deliver = (message: Outbound) => void;

export interface SwitchboardOptions {
  readonly redis: RedisClient;
  readonly platform: string;
  readonly log: Logger;
}

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #subscriber: RedisClient;
  readonly #holders = new Map<string, Set<Deliver>>();

  constructor(options: SwitchboardOptions) {
    this.#options = options;
    this.#subscriber = openBlockingConnection(options.redis);
    (this.#subscriber as Redis).on("message", (topic: string, text: string) => this.#hear(topic, text));
  }

  /** From when it resolves, answers for `channel` come to `deliver`, until the returned function is called. */
  async hold(channel: string, deliver: Deliver): Promise<() => void> {
    const topic = this.#topic(channel);
    const holders = this.#holders.get(topic) ?? new Set();
    this.#holders.set(topic, holders.add(deliver));
    const letGo = () => {
      holders.delete(deliver);
      if (holders.size > 0 || this.#holders.get(topic) !== holders) return;
      this.#holders.delete(topic);
      this.#subscriber.unsubscribe(topic).catch(() => {});
    };
    try {
      await this.#subscriber.subscribe(topic);
    } catch (error) {
      letGo();
      throw error;
    }
    return letGo;
  }

  /** Sends an answer to whoever holds its conversation. Rejects where nobody does. */
  async send(message: Outbound): Promise<void> {
    const heard = await this.#options.redis.publish(this.#topic(message.channel), JSON.stringify(message));
    // a Cluster counts the subscribers of one node only
    if (heard === 0 && !this.#options.redis.isCluster) throw new Error("no gateway holds this conversation: its page has gone");
  }

  /** No timer, socket or listener is left. */
  close(): void {
    this.#holders.clear();
    this.#subscriber.disconnect();
  }

  #topic(channel: string): string {
    return messageKeys(this.#options.redis).delivery(this.#options.platform, channel);
  }

  #hear(topic: string, text: string): void {
    try {
      const message = JSON.parse(text) as Outbound;
      const problem = problemOf(message);
      if (problem !== undefined) throw new Error(problem);
      for (const deliver of this.#holders.get(topic) ?? []) deliver(message);
    } catch (error) {
      this.#options.log.warn({ type: "delivery.refused", reason: messageOf(error) });
    }
  }
}
