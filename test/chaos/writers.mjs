/** A conversation without a page: its messages are written to the stream by the script that gateways use, one after the other. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { accept } from "../../dist/src/tiers/messages/accept.js";

export const platform = "stream";

export class Writer {
  conversation;
  #redis;
  #backlog;
  #queued = [];
  #page = randomUUID();
  #isWriting = false;
  #isStopped = false;

  constructor(conversation, { redis, backlog }) {
    this.conversation = conversation;
    this.#redis = redis;
    this.#backlog = backlog;
  }

  send() {
    this.#queued.push(this.conversation.next());
    if (!this.#isWriting) void this.#write();
  }

  stop() {
    this.#isStopped = true;
  }

  async #write() {
    this.#isWriting = true;
    while (this.#queued.length > 0 && !this.#isStopped) {
      await this.#writeOne(this.#queued[0]);
      this.#queued.shift();
    }
    this.#isWriting = false;
  }

  /** Until it is accepted; where the outcome is unknown, under the same number. */
  async #writeOne(text) {
    const n = this.conversation.accepted + 1;
    const { index } = this.conversation;
    const message = { id: `${this.#page}.${n}`, platform, channel: `c${index}`, author: "writer", text, at: Date.now() };
    for (let isUnknown = false; !this.#isStopped; ) {
      try {
        const { type } = await accept(this.#redis, message, { numbered: { page: this.#page, n }, backlog: this.#backlog });
        if (type === "accepted" || type === "again") {
          this.conversation.accepted += 1;
          return;
        }
        if (type === "gap") this.conversation.refused += 1;
      } catch {
        if (!isUnknown) this.conversation.repeated += 1;
        isUnknown = true;
      }
      await pause(100);
    }
  }
}
