/** One client: its socket, its conversation, and what it may send. */
import type { WebSocket } from "ws";
import { quietClock } from "../../../clock.ts";
import { messageOf } from "../../../errors.ts";
import type { WordedLogger } from "../../../logger.ts";
import type { RedisClient } from "../../../redis/client.ts";
import { until } from "../../../until.ts";
import { messageKeys } from "../../messages/keys.ts";
import { linesBefore } from "../../messages/lines.ts";
import type { PlatformHost } from "../platform.ts";
import { Buckets } from "./buckets.ts";
import type { ClientFrame, Hello, Message, ServerFrame } from "./frames.ts";
import { readFrame, textProblem } from "./frames.ts";
import type { Limiter } from "./limits.ts";
import { firstId, isLater } from "./line-id.ts";
import { LogReader } from "./log-reader.ts";
import { openSession } from "./session.ts";

/** bytes that a socket may leave unread; past them it is disconnected, and the client goes on from its cursor */
const maxUnreadBytes = 1_048_576;
/** messages of one socket that are being accepted */
const maxPending = 32;
/** ms for the first frame, and for what Redis and the client take to begin */
const helloMs = 10_000;
const welcomeMs = 10_000;
/** seconds after which a message is sent again that Redis did not take, or that waits for answers */
const retryS = 2;

/** Why a socket is closed. The client connects again after each but `refused`. */
export const closings = {
  refused: 1008,
  stopping: 1001,
  later: 1013,
} as const;

export interface PageOptions extends Pick<PlatformHost, "accept"> {
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  readonly platform: string;
  readonly limiter: Limiter;
  /** undefined for this machine */
  readonly address: string | undefined;
  /** resolves once answers that are written from then on will be announced */
  readonly begun: Promise<void>;
  /** called once the page has its conversation */
  readonly onChannel: (page: Page) => void;
}

/**
 * The cursor, or the last line of the log where that is before it: a Redis that took over, or whose clock was set back, writes lines
 * that are earlier than those which the client has.
 */
const known = async (redis: RedisClient, log: string, after: string): Promise<string> => {
  if (after === firstId) return after;
  const last = (await linesBefore(redis, log, undefined, 1)).cursor ?? firstId;
  return isLater(after, last) ? last : after;
};

export class Page {
  readonly #socket: WebSocket;
  readonly #options: PageOptions;
  readonly #frames: Buckets;
  #channel: string | undefined;
  #reader: LogReader | undefined;
  /** the work on the latest frame; the next frame waits for it */
  #work: Promise<void> | undefined;
  #pending = 0;
  readonly #late: unknown;

  constructor(socket: WebSocket, options: PageOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#frames = new Buckets(options.limiter.limits.frames);
    this.#late = quietClock.setTimeout(() => this.close(closings.refused, "the first frame is late"), helloMs);
    socket.once("close", () => quietClock.clearTimeout(this.#late));
    socket.on("message", (data: Buffer, isBinary: boolean) => this.#receive(isBinary ? "" : data.toString()));
  }

  /** The name of its conversation, once it has one. */
  get channel(): string | undefined {
    return this.#channel;
  }

  send(frame: ServerFrame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > maxUnreadBytes) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(frame));
  }

  /** Shows the lines of the log that the page lacks. A failure closes the socket, and the client goes on from its cursor. */
  async readOn(): Promise<void> {
    try {
      await this.#reader?.readOn();
    } catch (error) {
      this.#fail(error);
    }
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #fail(error: unknown): void {
    const reason = messageOf(error);
    this.#options.log.warn({ type: "webchat.refused", reason }, `a page is disconnected: ${reason}`);
    this.close(closings.later, "try again later");
  }

  #receive(json: string): void {
    if (this.#frames.take("", 1) > 0) {
      this.close(closings.refused, "too many frames");
      return;
    }
    try {
      this.#take(readFrame(json));
    } catch (error) {
      this.send({ type: "error", message: `the frame cannot be read: ${messageOf(error)}` });
    }
  }

  #take(frame: ClientFrame): void {
    if (frame.type === "hello") this.#begin(frame);
    else if (frame.type === "message") this.#queue(frame);
    else this.send({ type: "pong" });
  }

  #begin(hello: Hello): void {
    quietClock.clearTimeout(this.#late);
    if (this.#work !== undefined) this.send({ type: "error", message: "only the first frame is a hello" });
    else this.#work = this.#welcome(hello).catch((error: unknown) => this.#fail(error));
  }

  async #welcome({ session: given, after = firstId }: Hello): Promise<void> {
    const { redis, platform, begun, onChannel } = this.#options;
    const signal = AbortSignal.timeout(welcomeMs);
    const { channel, session, isNew } = await until(openSession(redis, given), { signal, what: "the session" });
    const log = messageKeys(redis).log(platform, channel);
    const from = isNew ? firstId : await until(known(redis, log, after), { signal, what: "the log" });
    this.#channel = channel;
    this.#reader = new LogReader({ redis, log, after: from, show: (line) => this.send(line), taken: () => this.#taken() });
    this.send({ type: "welcome", session, channel, after: from });
    // announced from here on: the log is read afterwards
    onChannel(this);
    await until(begun, { signal, what: "the answers to be followed" });
    await this.#reader.readOn();
    this.send({ type: "live" });
  }

  /** Resolves once the socket has passed on what it was sent, or is closed. */
  #taken(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState !== this.#socket.OPEN) return resolve();
      this.#socket.ping(undefined, undefined, () => resolve());
    });
  }

  /** One after the other: a message never overtakes an earlier one of its page. */
  #queue(message: Message): void {
    const { page, n } = message;
    if (this.#work === undefined) this.send({ type: "error", message: "the first frame is a hello" });
    else if (this.#pending >= maxPending) this.send({ type: "busy", page, n, seconds: 1, reason: "rate" });
    else this.#work = this.#after(this.#work, message);
  }

  async #after(earlier: Promise<void>, message: Message): Promise<void> {
    this.#pending += 1;
    await earlier;
    await this.#accept(message)
      .catch((error: unknown) => this.#refuse(message, error))
      .finally(() => {
        this.#pending -= 1;
      });
  }

  async #accept({ page, n, text }: Message): Promise<void> {
    const { limiter, accept, address } = this.#options;
    const channel = this.#channel;
    if (channel === undefined || this.#socket.readyState !== this.#socket.OPEN) return;
    const problem = textProblem(text);
    if (problem !== undefined) return this.send({ type: "refused", page, n, message: problem });
    const sender = { channel, address };
    const wait = limiter.take(sender, Buffer.byteLength(text));
    if (wait !== undefined) return this.send({ type: "busy", page, n, ...wait });
    const id = `${channel}.${page}.${n}`;
    const result = await accept({ id, channel, author: "visitor", text }, { numbered: { page, n }, backlog: limiter.limits });
    if (result.type === "gap") return this.send({ type: "gap", page, n: result.n });
    if (result.type === "busy") return this.send({ type: "busy", page, n, seconds: retryS, reason: result.reason });
    if (result.type === "accepted") limiter.opened(id, sender);
    this.send({ type: "accepted", page, n, id });
  }

  #refuse({ page, n }: Message, error: unknown): void {
    const reason = messageOf(error);
    this.#options.log.warn({ type: "webchat.not-accepted", reason }, `a message is not accepted: ${reason}`);
    this.send({ type: "busy", page, n, seconds: retryS, reason: "unavailable" });
  }
}
