/** A client of the gateway's webchat, with all answers in order. */
import { once } from "node:events";
import { WebSocket } from "ws";
import type { WebchatAnswer } from "../../src/tiers/gateway/webchat.ts";
import { eventually } from "./wait.ts";

export interface ChatOptions {
  readonly channel?: string;
  readonly origin?: string;
}

export class Chat {
  readonly socket: WebSocket;
  readonly answers: WebchatAnswer[] = [];
  closedWith: number | undefined;

  private constructor(port: number, { channel, origin }: ChatOptions) {
    const query = channel === undefined ? "" : `?channel=${channel}`;
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/webchat${query}`, origin === undefined ? {} : { origin });
    this.socket.on("message", (data) => this.answers.push(JSON.parse(String(data))));
    this.socket.on("close", (code) => {
      this.closedWith = code;
    });
  }

  /** Resolves once it was welcomed. */
  static async open(port: number, options: ChatOptions = {}): Promise<Chat> {
    const chat = new Chat(port, options);
    await once(chat.socket, "open");
    await eventually("the welcome", () => chat.of("welcome")[0]);
    return chat;
  }

  get channel(): string {
    return this.of("welcome")[0]!.channel;
  }

  of<T extends WebchatAnswer["type"]>(type: T): Extract<WebchatAnswer, { type: T }>[] {
    return this.answers.filter((answer): answer is Extract<WebchatAnswer, { type: T }> => answer.type === type);
  }

  send(text: string): void {
    this.socket.send(JSON.stringify({ type: "message", text }));
  }
}
