/** An OpenAI-compatible endpoint on loopback that answers by a script, with faults. */
import { once } from "node:events";
import type { IncomingHttpHeaders, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

export interface AskedMessage {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: readonly { readonly function: { readonly name: string } }[];
}

/** A request as it came. */
export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly model: string;
  readonly stream: boolean;
  readonly messages: readonly AskedMessage[];
  readonly tool_choice: string;
}

/** Answers one request. */
export type Act = (response: ServerResponse, asked: Asked) => void | Promise<void>;

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const delta = (part: unknown, finish: string | null = null): string =>
  event({ choices: [{ index: 0, delta: part, finish_reason: finish }] });
const begin = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });

/** Called with what was sent so far; the endpoint goes on once the returned promise resolves. */
type Between = (sent: string) => Promise<unknown>;

/** The parts of a text, one event each. */
export const says =
  (parts: string | readonly string[] | ((asked: Asked) => string), between: Between = async () => {}): Act =>
  async (response, asked) => {
    begin(response).write(": a comment\n\n");
    const all = typeof parts === "function" ? parts(asked) : parts;
    let sent = "";
    for (const content of [all].flat()) {
      response.write(delta({ content }));
      sent += content;
      await between(sent);
    }
    response.end(`${delta({}, "stop")}data: [DONE]\n\n`);
  };

/** A call of a tool, its arguments in two parts. */
export const calls =
  (name: string, args: unknown): Act =>
  (response) => {
    const json = typeof args === "string" ? args : JSON.stringify(args);
    const half = Math.ceil(json.length / 2);
    const first = { index: 0, id: "call-a", type: "function", function: { name, arguments: json.slice(0, half) } };
    const second = { index: 0, function: { arguments: json.slice(half) } };
    begin(response).write(delta({ role: "assistant", content: null, tool_calls: [first] }));
    response.end(`${delta({ tool_calls: [second] })}${delta({}, "tool_calls")}data: [DONE]\n\n`);
  };

export const fails =
  (status: number, headers: Record<string, string> = {}): Act =>
  (response) =>
    void response.writeHead(status, headers).end("no");

/** Begins a text and breaks the connection. */
export const breaksOff =
  (text: string, between: Between = () => pause(20)): Act =>
  async (response) => {
    begin(response).write(delta({ content: text }));
    await between(text);
    response.destroy();
  };

/** Ends the stream in order, without having finished. */
export const endsEarly =
  (text: string): Act =>
  (response) =>
    void begin(response).end(delta({ content: text }));

export const sendsEvents =
  (raw: string): Act =>
  (response) =>
    void begin(response).end(raw);

/** Resolves when the response can be written to, or is closed. */
const room = async (response: ServerResponse): Promise<void> => {
  const done = new AbortController();
  const either = ["drain", "close"].map((event) => once(response, event, done));
  await Promise.race(either).catch(() => {});
  done.abort();
  await Promise.allSettled(either);
};

/** Begins a text and goes on with nothing. */
export const stalls =
  (text: string): Act =>
  (response) =>
    void begin(response).write(delta({ content: text }));

/** Answers nothing. */
export const hangs: Act = () => {};

export class ModelEndpoint {
  readonly asked: Asked[] = [];
  /** bytes of an endless answer, and whether its connection was closed */
  written = 0;
  hasEnded = false;
  /** for each request in turn; after the last one every request is answered by that */
  script: Act[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (incoming, response) => {
      response.on("error", () => {});
      const asked = { ...JSON.parse(await text(incoming)), headers: incoming.headers } as Asked;
      this.asked.push(asked);
      const act = this.script.length > 1 ? this.script.shift() : this.script[0];
      await act?.(response, asked);
    });
  }

  static async start(): Promise<ModelEndpoint> {
    const endpoint = new ModelEndpoint();
    endpoint.#server.listen(0, "127.0.0.1");
    await once(endpoint.#server, "listening");
    return endpoint;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`);
  }

  plays(...script: Act[]): void {
    this.script = script;
    this.asked.length = 0;
    this.written = 0;
    this.hasEnded = false;
  }

  /** Up to 900 MB: in one line without an end, in small events, or in one JSON. */
  endless(kind: "line" | "events" | "json"): Act {
    return async (response) => {
      if (kind === "json") response.writeHead(200, { "content-type": "application/json" });
      else begin(response);
      const part = kind === "events" ? delta({ content: "x".repeat(1000) }).repeat(64) : "x".repeat(65_536);
      if (kind === "line") response.write("data: ");
      while (this.written < 900_000_000 && !response.destroyed) {
        this.written += part.length;
        if (!response.write(part)) await room(response);
      }
      this.hasEnded = true;
    };
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
