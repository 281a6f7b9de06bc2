/**
 * The client of a conversation: a page, or `stargazer chat`. It keeps the lines that no gateway has accepted, sends the oldest one
 * again until it is accepted, and continues at another gateway after each break, from the last line that it was shown.
 *
 *   connecting -> catchingUp -> live -> away -> connecting …        connecting -> refused
 *
 * One line is on its way at a time, so a line never overtakes an earlier one. `say` has an arrow in every state but `refused`.
 * The arrow that does not exist: nothing leads from `away` to `live`, so no line is shown before those that were missed.
 * This chart is run without XState: the generated table of `src/tiers/web/page/chat-chart.js` is its arrows as data.
 */
import type { SnapshotFrom } from "xstate";
import { setup } from "xstate";
import type { StateMeta } from "./describe.ts";

/** What happens to a client: its user has a line, its socket changes, or the gateway sends a frame. */
export type ChatEvent =
  | { type: "say" }
  | { type: "socket.opened" }
  | { type: "socket.closed" }
  | { type: "socket.refused" }
  | { type: "frame.welcome" }
  | { type: "frame.line" }
  | { type: "frame.live" }
  /** a line was accepted, or refused for good */
  | { type: "frame.settled" }
  | { type: "frame.gap" }
  | { type: "frame.busy" }
  | { type: "frame.typing" }
  | { type: "frame.draft" }
  | { type: "frame.pong" };

const notProvided = (name: string) => (): void => {
  throw new Error(`action '${name}' was not provided`);
};
const never = (): boolean => false;

const chat = setup({
  types: {} as { events: ChatEvent; meta: StateMeta },
  actions: {
    /** keeps a line of the user */
    keep: notProvided("keep"),
    openSocket: notProvided("openSocket"),
    dropSocket: notProvided("dropSocket"),
    /** which conversation, and which line was the last */
    sendHello: notProvided("sendHello"),
    keepSession: notProvided("keepSession"),
    showLine: notProvided("showLine"),
    showDraft: notProvided("showDraft"),
    sendOldest: notProvided("sendOldest"),
    sendPing: notProvided("sendPing"),
    /** removes the oldest line; the number of a refused line is free for the next one */
    settleOldest: notProvided("settleOldest"),
    /** numbers the lines anew, as those of a new page */
    renumber: notProvided("renumber"),
    noteBusy: notProvided("noteBusy"),
  },
  guards: {
    hasLines: never,
    /** the frame is about the oldest line, and there is another one */
    isOldestOfMany: never,
    isOldest: never,
    /** the frame is about the page of the oldest line */
    isOfPage: never,
  },
  delays: {
    connectTimeout: 5000,
    catchUpTimeout: 30_000,
    /** between two proofs that the gateway is alive */
    quietInterval: 10_000,
    answerTimeout: 5000,
    /** the seconds that the gateway asks for, and a random part, so that clients do not return in step */
    busyDelay: 1000,
    /** longer after each failure in a row, and random */
    retryDelay: 1000,
  },
});

/* ---- the shorthands of the states below ---- */
const lost = { "socket.closed": "#chat.away" } as const;
const shown = {
  "frame.line": { actions: "showLine" },
  "frame.draft": { actions: "showDraft" },
  "frame.typing": { actions: "showDraft" },
} as const;

/** The chart of one client. A host runs it from the generated table, and provides its actions, guards and delays. */
export const chatMachine = chat.createMachine({
  id: "chat",
  description:
    "One client of a conversation: what it sends is accepted once, and what it missed is shown, whichever gateway it reaches.",
  initial: "connecting",
  states: {
    connecting: {
      description: "Opens a socket to a gateway.",
      meta: { waitsFor: "a socket to a gateway", deadline: "connectTimeout", tone: "caution" },
      entry: "openSocket",
      on: { ...lost, say: { actions: "keep" }, "socket.opened": "catchingUp", "socket.refused": "refused" },
      after: { connectTimeout: "away" },
    },
    catchingUp: {
      description: "The gateway shows the lines that the client lacks.",
      meta: { waitsFor: "the lines that were missed", deadline: "catchUpTimeout", tone: "caution" },
      entry: "sendHello",
      on: {
        ...lost,
        ...shown,
        say: { actions: "keep" },
        "frame.welcome": { actions: "keepSession" },
        "frame.live": [{ guard: "hasLines", target: "live.sending" }, { target: "live" }],
      },
      after: { catchUpTimeout: "away" },
    },
    live: {
      description: "Lines are shown as they are written.",
      meta: { tone: "good" },
      on: { ...lost, ...shown, say: { actions: "keep" } },
      initial: "quiet",
      states: {
        quiet: {
          description: "Nothing is to be sent.",
          on: { say: { target: "sending", actions: "keep" } },
          after: { quietInterval: "probing" },
        },
        probing: {
          description: "A gateway that is frozen keeps its sockets: it is asked whether it is alive.",
          meta: { waitsFor: "the gateway's pong", deadline: "answerTimeout" },
          entry: "sendPing",
          on: { "frame.pong": "quiet", say: { target: "sending", actions: "keep" } },
          after: { answerTimeout: "#chat.away" },
        },
        sending: {
          description: "The oldest line is on its way.",
          meta: { waitsFor: "the gateway to accept a line", deadline: "answerTimeout" },
          entry: "sendOldest",
          on: {
            "frame.settled": [
              { guard: "isOldestOfMany", target: "sending", reenter: true, actions: "settleOldest" },
              { guard: "isOldest", target: "quiet", actions: "settleOldest" },
            ],
            "frame.gap": { guard: "isOfPage", target: "sending", reenter: true, actions: "renumber" },
            "frame.busy": { guard: "isOldest", target: "resting", actions: "noteBusy" },
          },
          after: { answerTimeout: "#chat.away" },
        },
        resting: {
          description: "The gateway is busy; the oldest line is sent again later.",
          meta: { waitsFor: "the gateway to be less busy", deadline: "busyDelay", tone: "caution" },
          after: { busyDelay: "sending" },
        },
      },
    },
    away: {
      description: "There is no connection; the lines of the user are kept.",
      meta: { waitsFor: "the next attempt", deadline: "retryDelay", tone: "bad" },
      entry: "dropSocket",
      on: { say: { actions: "keep" } },
      after: { retryDelay: "connecting" },
    },
    refused: {
      type: "final",
      description: "The gateway does not take this client: its token is missing or wrong.",
      meta: { tone: "bad" },
      entry: "dropSocket",
    },
  },
} satisfies Parameters<typeof chat.createMachine>[0]);

/** Where a client is. */
export type ChatSnapshot = SnapshotFrom<typeof chatMachine>;
