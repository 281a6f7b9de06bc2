/** A reader of server-sent events that sees what a browser would, and more: ids, and the end of the stream. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import { eventually } from "./wait.ts";

export interface SentEvent {
  readonly event: string;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON may have been sent
  readonly data: any;
}

export class EventReader {
  readonly events: SentEvent[] = [];
  isEnded = false;
  readonly response: IncomingMessage;
  #rest = "";

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding("utf8");
    response.on("data", (text: string) => this.#read(text));
    for (const end of ["end", "error", "close"]) {
      response.on(end, () => {
        this.isEnded = true;
      });
    }
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const outgoing = request(url, { headers, agent: false });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return new EventReader(response);
  }

  of(event: string): SentEvent[] {
    return this.events.filter((sent) => sent.event === event);
  }

  get records(): SentEvent["data"][] {
    return this.of("record").map(({ data }) => data);
  }

  /** The first that fits, now or later. */
  until(what: string, fits: (sent: SentEvent) => boolean): Promise<SentEvent> {
    return eventually(what, () => this.events.find(fits)) as Promise<SentEvent>;
  }

  close(): void {
    this.response.destroy();
  }

  #read(text: string): void {
    const frames = (this.#rest + text).split("\n\n");
    this.#rest = frames.pop() ?? "";
    for (const frame of frames) {
      const lines = new Map(
        frame.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      const event = lines.get("event") ?? (lines.has("data") ? "message" : undefined);
      if (event !== undefined) this.events.push({ event, id: lines.get("id"), data: JSON.parse(lines.get("data") ?? "null") });
    }
  }
}
