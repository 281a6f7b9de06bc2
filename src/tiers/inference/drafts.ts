/** Publishes what there is of an answer: at most ten times a second, the newest text, one after another. */
import { messageOf } from "../../errors.ts";
import type { WordedLogger } from "../../logger.ts";
import { pause } from "../../pause.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Waiting } from "../../until.ts";
import { publishDraft } from "../messages/draft.ts";
import type { Inbound } from "../messages/envelope.ts";
import { maxTextBytes } from "../messages/envelope.ts";
import { fitted } from "./fitted.ts";

const betweenMs = 100;
/** ms of work after which an empty draft shows that an answer is being made */
const typingMs = 300;

export interface DraftOptions extends Waiting {
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  readonly message: Inbound;
  /** of the attempt */
  readonly token: number;
}

export class Drafts {
  readonly #options: DraftOptions;
  #n = 0;
  #text = "";
  #isPublishing = false;

  constructor(options: DraftOptions) {
    this.#options = options;
  }

  /** Publishes an empty draft unless there is a text, or the signal has aborted, a moment later. Returns at once. */
  begin(): void {
    const { signal } = this.#options;
    void pause(typingMs, { signal }).then(() => (signal.aborted || this.#n > 0 ? undefined : this.#publishText("")));
  }

  /** The last text, whether it was published or not. */
  get text(): string {
    return this.#text;
  }

  /** Returns at once. A draft that Redis does not take is lost. */
  show(text: string): void {
    this.#text = text;
    if (!this.#isPublishing) void this.#publish();
  }

  async #publish(): Promise<void> {
    const { signal } = this.#options;
    this.#isPublishing = true;
    for (let shown = ""; shown !== this.#text && !signal.aborted; ) {
      shown = this.#text;
      await this.#send(shown);
      await pause(betweenMs, { signal });
    }
    this.#isPublishing = false;
  }

  async #send(text: string): Promise<void> {
    if (text.trim() === "") return;
    this.#n += 1;
    await this.#publishText(text);
  }

  async #publishText(text: string): Promise<void> {
    const { redis, log, token, message } = this.#options;
    const draft = { channel: message.channel, to: message.id, token, n: this.#n, text: fitted(text, maxTextBytes) };
    await publishDraft(redis, message.platform, draft).catch((error: unknown) => {
      const reason = messageOf(error);
      log.debug({ type: "draft.lost", message: message.id, reason }, `a draft is lost: ${reason}`);
    });
  }
}
