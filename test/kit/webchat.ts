/** A client of the gateway's webchat that follows no chart: it sends what a test says, and has all frames in order. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";
import type { ClientFrame, Line, ServerFrame } from "../../src/tiers/gateway/webchat/frames.ts";
import { eventually } from "./wait.ts";

export interface ChatOptions {
  readonly session?: string;
  /** the id of the last line that it has */
  readonly after?: string;
  readonly origin?: string;
  /** names it among the pages of its conversation; default a random one */
  readonly page?: string;
}

export class Chat {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly page: string;
  closedWith: number | undefined;
  #n = 0;

  private constructor(port: number, { origin, page = randomUUID() }: ChatOptions) {
    this.page = page;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/webchat`, origin === undefined ? {} : { origin });
    this.socket.on("message", (data) => this.frames.push(JSON.parse(String(data))));
    this.socket.on("close", (code) => {
      this.closedWith = code;
    });
  }

  /** Resolves once it was shown every line that it had missed. */
  static async open(port: number, options: ChatOptions = {}): Promise<Chat> {
    const chat = new Chat(port, options);
    await once(chat.socket, "open");
    const { session, after } = options;
    chat.write({ type: "hello", ...(session === undefined ? {} : { session }), ...(after === undefined ? {} : { after }) });
    await eventually("the end of the catch-up", () => chat.of("live")[0]);
    return chat;
  }

  get channel(): string {
    return this.of("welcome")[0]!.channel;
  }

  get session(): string {
    return this.of("welcome")[0]!.session;
  }

  /** The id of the last line; undefined before the first. */
  get after(): string | undefined {
    return this.of("line").at(-1)?.id;
  }

  of<T extends ServerFrame["type"]>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }

  /** The answers, and what tells that there is none. */
  get replies(): Line[] {
    return this.of("line").filter(({ role }) => role !== "user");
  }

  /** Sends the next message. Returns its number. */
  send(text: string): number {
    this.#n += 1;
    this.repeat(this.#n, text);
    return this.#n;
  }

  /** Sends a message under a number, also one that was used. */
  repeat(n: number, text: string): void {
    this.write({ type: "message", page: this.page, n, text });
  }

  write(frame: ClientFrame): void {
    this.socket.send(JSON.stringify(frame));
  }
}

/** What a gateway that is a test's own does: it welcomes, and answers each message with the given frames, objects or texts. */
export const answerChat = (
  socket: WebSocket,
  answersTo: (message: { page: string; n: number; text: string }) => readonly (ServerFrame | string)[],
): void => {
  const send = (frame: ServerFrame | string) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  socket.on("message", (data) => {
    const frame = JSON.parse(String(data)) as ClientFrame;
    if (frame.type === "message") for (const answer of answersTo(frame)) send(answer);
    if (frame.type !== "hello") return;
    send({ type: "welcome", session: "s", channel: "c", after: "0-0" });
    send({ type: "live" });
  });
};

/** The `n`th line of a log: an answer. */
export const lineOf = (n: number, to: string, text: string): Line => {
  const id = `${n}-0`;
  return { type: "line", id, role: "assistant", message: `re:${to}`, to, text, at: 1 };
};
