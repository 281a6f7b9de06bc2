/** The client of a conversation on sockets and timers of the test's own: what it sends, keeps and shows. */
import { beforeEach, describe, expect, it } from "vitest";
import type { ClientFrame, ServerFrame } from "../../src/tiers/gateway/webchat/frames.ts";
import type { Kept, SocketEvents } from "../../src/tiers/web/page/chat-client.js";
import { ChatClient } from "../../src/tiers/web/page/chat-client.js";

interface Timer {
  readonly call: () => void;
  readonly ms: number;
}

/** One tab: what it has kept outlives its clients. */
class Tab {
  readonly shown: string[] = [];
  readonly sockets: { events: SocketEvents; sent: ClientFrame[]; isClosed: boolean }[] = [];
  readonly timers = new Set<Timer>();
  kept: Kept | undefined;
  #pages = 0;

  load(): ChatClient {
    const client = new ChatClient(
      {
        open: (events) => {
          const socket = { events, sent: [] as ClientFrame[], isClosed: false };
          this.sockets.push(socket);
          return {
            send: (frame) => void socket.sent.push(frame),
            close: () => {
              socket.isClosed = true;
            },
          };
        },
        read: () => this.kept,
        write: (kept) => {
          this.kept = JSON.parse(JSON.stringify(kept));
        },
        pageId: () => {
          this.#pages += 1;
          return `page-${this.#pages}`;
        },
        random: () => 0,
        timers: {
          set: (call, ms) => {
            const timer = { call, ms };
            this.timers.add(timer);
            return timer;
          },
          clear: (timer) => void this.timers.delete(timer),
        },
      },
      {
        state: () => {},
        line: ({ role, text }) => this.shown.push(`${role}: ${text}`),
        unsent: ({ text }) => this.shown.push(`unsent: ${text}`),
        accepted: ({ text }, id) => this.shown.push(`accepted: ${text} as ${id}`),
        refused: ({ text }, why) => this.shown.push(`refused: ${text}, ${why}`),
        busy: (reason, seconds) => this.shown.push(`busy: ${reason}, ${seconds} s`),
        draft: (to, text) => this.shown.push(`draft of ${to}: ${text}`),
      },
    );
    client.start();
    return client;
  }

  get socket() {
    return this.sockets.at(-1)!;
  }

  /** The places of the messages that the last socket was sent. */
  get places(): string[] {
    return this.socket.sent.flatMap((frame) => (frame.type === "message" ? `${frame.page}/${frame.n} ${frame.text}` : []));
  }

  receive(...frames: ServerFrame[]): void {
    for (const frame of frames) this.socket.events.frame(frame);
  }

  welcome(...lines: ServerFrame[]): void {
    this.socket.events.opened();
    this.receive({ type: "welcome", session: "s", channel: "c", after: "0-0" }, ...lines, { type: "live" });
  }

  /** Lets the one timer that runs pass. Returns its ms. */
  pass(): number {
    expect(this.timers.size).toBe(1);
    const [timer] = this.timers;
    this.timers.clear();
    timer!.call();
    return timer!.ms;
  }
}

let tab: Tab;
beforeEach(() => {
  tab = new Tab();
});
const place = (n: number, page = "page-1") => ({ page, n });
const accepted = (n: number, page = "page-1"): ServerFrame => ({ type: "accepted", ...place(n, page), id: `c.${page}.${n}` });
const line = (n: number, text: string): ServerFrame => {
  const own = { id: `${n}-0`, role: "assistant" as const, message: `re:${n}`, to: `${n}`, text, at: 1 };
  return { type: "line", ...own };
};

describe("lines of the user", () => {
  it("are sent one after another, each once the one before is accepted", () => {
    const client = tab.load();
    tab.welcome();
    for (const text of ["one", "two", "three"]) expect(client.say(text)).toBe(true);
    expect(tab.places).toEqual(["page-1/1 one"]);
    tab.receive(accepted(2), accepted(1), accepted(1), accepted(2));
    expect(tab.places).toEqual(["page-1/1 one", "page-1/2 two", "page-1/3 three"]);
    expect(client.unsent).toBe(1);
  });

  it("that were not accepted are sent again under their numbers, by the next socket and by the next load of the tab", () => {
    const client = tab.load();
    client.say("one");
    tab.welcome();
    client.say("two");
    tab.socket.events.closed();
    expect(client.state).toBe("away");
    tab.pass();
    tab.welcome();
    expect(tab.places).toEqual(["page-1/1 one"]);
    client.stop();
    const reloaded = tab.load();
    reloaded.say("three");
    tab.welcome();
    tab.receive(accepted(1), accepted(2));
    expect(tab.places).toEqual(["page-1/1 one", "page-1/2 two", "page-2/1 three"]);
    expect(tab.socket.sent[0]).toEqual({ type: "hello", session: "s", after: "0-0" });
  });

  it("of a busy gateway are sent again after its seconds, and after its answer stays out by another socket", () => {
    const client = tab.load();
    client.say("one");
    tab.welcome();
    tab.receive({ type: "busy", ...place(1), seconds: 7, reason: "fleet" });
    expect([client.state, tab.pass(), tab.places]).toEqual(["live.resting", 7000, ["page-1/1 one", "page-1/1 one"]]);
    expect(tab.pass()).toBe(5000);
    expect([client.state, tab.socket.isClosed, client.unsent]).toEqual(["away", true, 1]);
  });

  it("that are refused are not sent again, and their numbers are those of the next ones", () => {
    const client = tab.load();
    for (const text of ["bad", "good"]) client.say(text);
    tab.welcome();
    tab.receive({ type: "refused", ...place(1), message: "the text is empty" });
    expect(tab.places).toEqual(["page-1/1 bad", "page-1/1 good"]);
    tab.receive(accepted(1));
    client.say("next");
    expect(tab.places.at(-1)).toBe("page-1/2 next");
    expect(tab.shown).toContain("refused: bad, the text is empty");
  });

  it("whose predecessors the fleet has forgotten get the numbers of a new page", () => {
    const client = tab.load();
    tab.welcome();
    client.say("one");
    tab.receive(accepted(1));
    for (const text of ["two", "three"]) client.say(text);
    tab.receive({ type: "gap", ...place(1, "another") }, { type: "gap", ...place(1) });
    expect(tab.places.slice(1)).toEqual(["page-1/2 two", "page-2/1 two"]);
    tab.receive(accepted(1, "page-2"), accepted(2, "page-2"));
    expect([tab.places.at(-1), client.unsent]).toEqual(["page-2/2 three", 0]);
  });

  it("are kept up to 200", () => {
    const client = tab.load();
    for (let n = 0; n < 200; n += 1) expect(client.say("text")).toBe(true);
    expect([client.say("one more"), client.unsent]).toEqual([false, 200]);
    client.stop();
  });
});

describe("lines of the log", () => {
  it("are shown once, in order, and the next socket goes on behind the last one", () => {
    const client = tab.load();
    tab.welcome(line(1, "one"), line(2, "two"), line(1, "one"));
    tab.receive(line(3, "three"), line(3, "three"));
    expect(tab.shown).toEqual(["assistant: one", "assistant: two", "assistant: three"]);
    tab.socket.events.closed();
    tab.pass();
    tab.socket.events.opened();
    expect(tab.socket.sent).toEqual([{ type: "hello", session: "s", after: "3-0" }]);
    client.stop();
  });

  it("of a socket that was dropped are not shown", () => {
    const client = tab.load();
    tab.welcome();
    const old = tab.socket;
    old.events.closed();
    old.events.frame(line(1, "late"));
    tab.pass();
    old.events.frame(line(1, "late"));
    old.events.closed();
    expect([tab.shown, client.state]).toEqual([[], "connecting"]);
    client.stop();
  });

  it("replace their drafts; an older draft, and one of an older attempt, is not shown", () => {
    const client = tab.load();
    tab.welcome();
    const draft = (token: number, n: number, text: string): ServerFrame => ({ type: "draft", to: "1", token, n, text });
    tab.receive(
      { type: "typing", to: "1" },
      draft(2, 1, "a"),
      draft(2, 2, "ab"),
      draft(2, 1, "a"),
      draft(1, 9, "old"),
      draft(3, 1, "x"),
    );
    expect(tab.shown).toEqual(["draft of 1: ", "draft of 1: a", "draft of 1: ab", "draft of 1: x"]);
    client.stop();
  });
});

describe("a gateway that is frozen", () => {
  it("is asked whether it is alive, and left where it does not answer", () => {
    const client = tab.load();
    tab.welcome();
    expect(tab.pass()).toBe(10_000);
    expect(tab.socket.sent.at(-1)).toEqual({ type: "ping" });
    tab.receive({ type: "pong" });
    expect(client.state).toBe("live.quiet");
    tab.pass();
    expect([tab.pass(), client.state, tab.socket.isClosed]).toEqual([5000, "away", true]);
  });

  it("that never opens its socket, or never shows the log, is left, later each time", () => {
    const client = tab.load();
    const waits: number[] = [];
    for (let times = 0; times < 8; times += 1) {
      expect(tab.pass()).toBe(5000);
      waits.push(tab.pass());
    }
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 4000, 4000, 4000]);
    tab.socket.events.opened();
    expect([tab.pass(), client.state]).toEqual([30_000, "away"]);
    client.stop();
    expect(tab.timers.size).toBe(0);
  });
});
