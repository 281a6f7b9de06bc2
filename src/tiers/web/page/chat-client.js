// @ts-check
/**
 * The client of a conversation, for the page and for the CLI: `machines/chat.machine.ts` is its chart. It uses no document and no
 * socket itself: `Surroundings` opens sockets and stores what outlives the client, and `View` shows lines and states.
 */
import { RunningChart } from "./chart.js";
import { chatTable } from "./chat-chart.js";

/** @import { Timers } from "./chart.js" */
/** @import { BusyReason, ClientFrame, Line, ServerFrame } from "../../gateway/webchat/frames.ts" */
/** A line of the user that no gateway has accepted yet; its place may change, the object stays. @typedef {{ page: string, n: number, text: string }} Unsent */
/** What outlives the client. @typedef {{ session?: string, unsent: readonly Unsent[] }} Kept */
/** @typedef {Extract<ServerFrame, { type: "draft" }>} Draft */
/** @typedef {Extract<ServerFrame, { type: "accepted" | "refused" }>} Settled */
/** @typedef {{ send: (frame: ClientFrame) => void, close: () => void }} Socket */
/**
 * @typedef {object} SocketEvents for one socket; those of a socket that was dropped are ignored
 * @property {() => void} opened
 * @property {(frame: ServerFrame) => void} frame
 * @property {(why?: string) => void} closed also where it could not be opened
 * @property {(why: string) => void} refused its token is missing or wrong
 */
/**
 * @typedef {object} Surroundings
 * @property {(events: SocketEvents) => Socket} open opens a socket to a gateway
 * @property {() => Kept | undefined} read
 * @property {(kept: Kept) => void} write
 * @property {() => string} pageId 16 to 36 random letters, digits, - and _
 * @property {() => number} [random]
 * @property {Timers} [timers]
 */
/**
 * @typedef {object} View
 * @property {(state: string, why: string) => void} state the path in the chart, and why the last socket was closed
 * @property {(line: Line) => void} line each line once, in the order of the log; also those of the user
 * @property {(line: Unsent) => void} unsent a line of the user, once it is kept
 * @property {(line: Unsent, id: string) => void} accepted
 * @property {(line: Unsent, why: string) => void} refused
 * @property {(reason: BusyReason, seconds: number) => void} busy
 * @property {(to: string, text: string) => void} draft what there is of an answer; empty where it has just begun
 */

/** lines that are kept at most */
const maxUnsent = 200;
const firstId = "0-0";
const slowestRetryMs = 8000;

/** @type {(a: string, b: string) => boolean} */
const isLater = (a, b) => {
  const [[aMs = 0, aSeq = 0], [bMs = 0, bSeq = 0]] = [a.split("-").map(Number), b.split("-").map(Number)];
  return aMs > bMs || (aMs === bMs && aSeq > bSeq);
};

/** The chart's name for a frame. @param {ServerFrame} frame */
const eventOf = ({ type }) => (type === "accepted" || type === "refused" ? "frame.settled" : `frame.${type}`);

export class ChatClient {
  #around;
  #view;
  #chart;
  #page;
  /** the number of its last line of this page */
  #last = 0;
  /** @type {Unsent[]} */
  #unsent;
  /** @type {string | undefined} */
  #session;
  #after = firstId;
  /** @type {Socket | undefined} */
  #socket;
  /** sockets that were opened */
  #sockets = 0;
  #failures = 0;
  #busyS = 1;
  #why = "";
  /** the last draft that was shown, by the message that it answers @type {Map<string, Pick<Draft, "token" | "n">>} */
  #drafts = new Map();

  /** @param {Surroundings} surroundings @param {View} view */
  constructor(surroundings, view) {
    this.#around = surroundings;
    this.#view = view;
    const kept = surroundings.read();
    this.#session = kept?.session;
    this.#unsent = [...(kept?.unsent ?? [])];
    this.#page = surroundings.pageId();
    const implementations = { actions: this.#actions, guards: this.#guards, delays: this.#delays, onState: this.#onState };
    this.#chart = new RunningChart(chatTable, implementations, surroundings.timers);
  }

  /** Shows the lines that are kept, and connects. Once. */
  start() {
    for (const line of this.#unsent) this.#view.unsent(line);
    this.#chart.start();
  }

  /** Where it is: the path in the chart. */
  get state() {
    return this.#chart.state;
  }

  /** Lines that no gateway has accepted yet. */
  get unsent() {
    return this.#unsent.length;
  }

  /** Sends a line, or keeps it until it can be sent. Returns false, and keeps nothing, where too many are kept. @param {string} text */
  say(text) {
    if (this.#unsent.length >= maxUnsent) return false;
    this.#chart.send({ type: "say", ...{ text } });
    return true;
  }

  /** Ends it: no socket, no timer and no event is left. Legal any number of times. */
  stop() {
    this.#chart.stop();
    this.#dropSocket();
  }

  #keep() {
    this.#around.write({ ...(this.#session === undefined ? {} : { session: this.#session }), unsent: this.#unsent });
  }

  #dropSocket() {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#sockets += 1;
    socket?.close();
  }

  #openSocket() {
    this.#dropSocket();
    const own = this.#sockets;
    /** @type {(type: string) => (why?: string) => void} */
    const pass = (type) => (why) => {
      if (own !== this.#sockets) return;
      this.#why = why ?? this.#why;
      this.#chart.send({ type });
    };
    this.#socket = this.#around.open({
      opened: pass("socket.opened"),
      closed: pass("socket.closed"),
      refused: pass("socket.refused"),
      frame: (frame) => {
        if (own === this.#sockets) this.#chart.send({ ...frame, ...{ type: eventOf(frame), frame } });
      },
    });
  }

  /** @type {(frame: { page: string, n: number }) => boolean} */
  #isOldest({ page, n }) {
    const oldest = this.#unsent[0];
    return oldest?.page === page && oldest.n === n;
  }

  #removeOldest() {
    const oldest = /** @type {Unsent} */ (this.#unsent.shift());
    this.#keep();
    return oldest;
  }

  /** Each by its name in the chart. */
  #actions = {
    keep: (/** @type {{ text: string }} */ { text }) => {
      this.#last += 1;
      const line = { page: this.#page, n: this.#last, text };
      this.#unsent.push(line);
      this.#keep();
      this.#view.unsent(line);
    },
    openSocket: () => this.#openSocket(),
    dropSocket: () => {
      this.#failures += 1;
      this.#dropSocket();
    },
    sendHello: () =>
      this.#socket?.send({
        type: "hello",
        ...(this.#session === undefined ? {} : { session: this.#session }),
        after: this.#after,
      }),
    keepSession: (/** @type {{ session: string, after: string }} */ { session, after }) => {
      this.#session = session;
      this.#after = after;
      this.#keep();
    },
    showLine: (/** @type {Line} */ line) => {
      if (!isLater(line.id, this.#after)) return;
      this.#after = line.id;
      this.#drafts.delete(line.to);
      this.#view.line({ ...line, type: "line" });
    },
    showDraft: (/** @type {Draft} */ { to, token = 0, n = 0, text = "" }) => {
      const shown = this.#drafts.get(to);
      if (shown !== undefined && (token < shown.token || (token === shown.token && n <= shown.n))) return;
      this.#drafts.set(to, { token, n });
      this.#view.draft(to, text);
    },
    sendOldest: () => {
      const [oldest] = this.#unsent;
      if (oldest !== undefined) this.#socket?.send({ type: "message", ...oldest });
    },
    sendPing: () => this.#socket?.send({ type: "ping" }),
    settleOldest: (/** @type {{ frame: Settled }} */ { frame }) => {
      const line = this.#removeOldest();
      if (frame.type === "accepted") return this.#view.accepted(line, frame.id);
      if (line.page === this.#page) this.#renumber(line.n);
      this.#view.refused(line, frame.message);
    },
    renumber: () => {
      this.#page = this.#around.pageId();
      for (const [at, line] of this.#unsent.entries()) Object.assign(line, { page: this.#page, n: at + 1 });
      this.#last = this.#unsent.length;
      this.#keep();
    },
    noteBusy: (/** @type {{ reason: BusyReason, seconds: number }} */ { reason, seconds }) => {
      this.#busyS = seconds;
      this.#view.busy(reason, seconds);
    },
  };

  /** Its lines follow that of a refused number. @param {number} n */
  #renumber(n) {
    const own = this.#unsent.filter(({ page }) => page === this.#page);
    for (const [at, line] of own.entries()) line.n = n + at;
    this.#last = n + own.length - 1;
    this.#keep();
  }

  #guards = {
    hasLines: () => this.#unsent.length > 0,
    isOldest: (/** @type {Unsent} */ frame) => this.#isOldest(frame),
    isOfPage: (/** @type {Unsent} */ { page }) => this.#unsent[0]?.page === page,
    isOldestOfMany: (/** @type {Unsent} */ frame) => this.#unsent.length > 1 && this.#isOldest(frame),
  };

  /** In ms. */
  #delays = {
    connectTimeout: () => 5000,
    catchUpTimeout: () => 30_000,
    quietInterval: () => 10_000,
    answerTimeout: () => 5000,
    busyDelay: () => 1000 * this.#busyS * (1 + 0.5 * this.#random()),
    retryDelay: () => Math.min(slowestRetryMs, 250 * 2 ** Math.min(this.#failures, 6)) * (0.5 + 0.5 * this.#random()),
  };

  #random() {
    return (this.#around.random ?? Math.random)();
  }

  #onState = (/** @type {string} */ state) => {
    if (state.startsWith("live")) this.#failures = 0;
    this.#view.state(state, this.#why);
  };
}
