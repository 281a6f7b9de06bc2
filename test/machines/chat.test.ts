/** The chart of the chat's client: its arrows as a table, and the runner of the page, which has to do what XState does. */
import { describe, expect, it } from "vitest";
import { createActor, initialTransition, SimulatedClock, transition } from "xstate";
import type { ChatEvent } from "../../machines/index.ts";
import { chatMachine, statePath } from "../../machines/index.ts";
import { tableOf } from "../../src/charts/table.ts";
import { RunningChart } from "../../src/tiers/web/page/chart.js";
import { chatTable } from "../../src/tiers/web/page/chat-chart.js";
import { linesOf } from "../kit/known.ts";

const names: readonly ChatEvent["type"][] = [
  ...(["say", "socket.opened", "socket.closed", "socket.refused", "frame.welcome", "frame.line", "frame.live"] as const),
  ...(["frame.settled", "frame.gap", "frame.busy", "frame.typing", "frame.draft", "frame.pong"] as const),
];
const delays = { connectTimeout: 5, catchUpTimeout: 7, quietInterval: 4, answerTimeout: 3, busyDelay: 2, retryDelay: 1 };
const guards = ["hasLines", "isOldest", "isOldestOfMany", "isOfPage"] as const;
type Held = Readonly<Record<(typeof guards)[number], boolean>>;
const none: Held = { hasLines: false, isOldest: false, isOldestOfMany: false, isOfPage: false };
const few: Held = { hasLines: true, isOldest: true, isOldestOfMany: false, isOfPage: true };
const many: Held = { hasLines: true, isOldest: true, isOldestOfMany: true, isOfPage: true };

const states = Object.keys(tableOf(chatMachine).states);
const actions = Object.keys(chatMachine.implementations.actions);

/** The chart as XState runs it, with what it did. */
const machineWith = (held: () => Held, did: string[]) =>
  chatMachine.provide({
    actions: Object.fromEntries(actions.map((name) => [name, () => void did.push(name)])),
    guards: Object.fromEntries(guards.map((name) => [name, () => held()[name]])),
    delays,
  });

describe("the table of the page", () => {
  it("is that of the chart (else: npm run generate)", () => {
    expect(chatTable).toEqual(tableOf(chatMachine));
  });

  const shown = { "frame.line": "=", "frame.draft": "=", "frame.typing": "=" };
  const live = { ...shown, "socket.closed": "away" };
  const quiet = { ...live, say: "live.sending" };
  const sending = { "frame.gap": "live.sending", "frame.busy": "live.resting" };
  const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    connecting: { say: "=", "socket.opened": "catchingUp", "socket.closed": "away", "socket.refused": "refused" },
    catchingUp: { ...live, say: "=", "frame.welcome": "=", "frame.live": "live.sending" },
    "live.quiet": quiet,
    "live.probing": { ...quiet, "frame.pong": "live.quiet" },
    "live.sending": { ...live, ...sending, say: "=", "frame.settled": "live.sending" },
    "live.resting": { ...live, say: "=" },
    away: { say: "=" },
    refused: {},
  };

  it("names every state", () => {
    expect(Object.keys(rows)).toEqual(states);
  });

  it.each(states.flatMap((state) => names.map((event) => [event, state] as const)))(
    "%s in %s leads where it has to",
    (type, state) => {
      const machine = machineWith(() => many, []);
      const [begun] = initialTransition(machine);
      const [outer, inner] = state.split(".");
      const snapshot = machine.resolveState({
        value: (inner === undefined ? outer! : { [outer!]: inner }) as never,
        context: begun.context,
      });
      const [after, done] = transition(machine, snapshot, { type });
      const isTaken = statePath(after) !== state || done.some(({ type: name }) => actions.includes(name));
      const expected = rows[state]![type];
      expect(isTaken ? (statePath(after) === state && expected === "=" ? "=" : statePath(after)) : undefined).toBe(expected);
    },
  );

  it("sends the next line where there is one, and rests where there is none", () => {
    let held = none;
    const actor = createActor(machineWith(() => held, [])).start();
    for (const type of ["socket.opened", "frame.live"] as const) actor.send({ type });
    expect(statePath(actor.getSnapshot())).toBe("live.quiet");
    actor.send({ type: "say" });
    held = few;
    actor.send({ type: "frame.settled" });
    expect(statePath(actor.getSnapshot())).toBe("live.quiet");
    actor.stop();
  });
});

describe("what is known of each state of a client", () => {
  it("is its tone, what it waits for and its deadline", () => {
    expect(linesOf(chatMachine)).toEqual([
      "connecting | tone caution | waits for a socket to a gateway | within connectTimeout",
      "catchingUp | tone caution | waits for the lines that were missed | within catchUpTimeout",
      "live | tone good",
      "live.probing | waits for the gateway's pong | within answerTimeout",
      "live.sending | waits for the gateway to accept a line | within answerTimeout",
      "live.resting | tone caution | waits for the gateway to be less busy | within busyDelay",
      "away | tone bad | waits for the next attempt | within retryDelay",
      "refused | tone bad",
    ]);
  });
});

describe("a client without a host", () => {
  const { implementations } = chatMachine as unknown as {
    implementations: Record<"actions" | "guards" | "delays", Readonly<Record<string, () => unknown>>>;
  };

  it.each(actions)("the action %s throws its own name", (name) => {
    expect(implementations.actions[name]!).toThrow(`'${name}'`);
  });

  it("has each guard, which never holds, and each delay of its table", () => {
    expect(guards.map((name) => implementations.guards[name]!())).toEqual([false, false, false, false]);
    expect(Object.keys(implementations.delays).sort()).toEqual(Object.keys(delays).sort());
  });
});

/** Numbers from 0 to 1 by seed. */
const randomBy = (seed: number) => {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
};

class Timers {
  now = 0;
  #all: { at: number; call: () => void }[] = [];
  set = (call: () => void, ms: number) => {
    const timer = { at: this.now + ms, call };
    this.#all.push(timer);
    return timer;
  };
  clear = (timer: { at: number; call: () => void }) => {
    this.#all = this.#all.filter((other) => other !== timer);
  };
  get length() {
    return this.#all.length;
  }
  pass(ms: number) {
    const end = this.now + ms;
    for (;;) {
      const next = this.#all.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.now = next.at;
      this.clear(next);
      next.call();
    }
    this.now = end;
  }
}

describe("the runner of the page", () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed + 1))("does what XState does, with events by seed %i", (seed) => {
    const random = randomBy(seed);
    let held = none;
    const [theirs, ours]: [string[], string[]] = [[], []];
    const clock = new SimulatedClock();
    const timers = new Timers();
    const actor = createActor(
      machineWith(() => held, theirs),
      { clock },
    ).start();
    const does = {
      actions: Object.fromEntries(actions.map((name) => [name, () => void ours.push(name)])),
      guards: Object.fromEntries(guards.map((name) => [name, () => held[name]])),
      delays: Object.fromEntries(Object.entries(delays).map(([name, ms]) => [name, () => ms])),
      onState: () => {},
    };
    const chart = new RunningChart(chatTable, does, timers);
    chart.start();
    const seen: [string, string][] = [];
    for (let step = 0; step < 200; step += 1) {
      held = [none, few, many][Math.floor(random() * 3)]!;
      if (random() < 0.3) {
        clock.increment(1);
        timers.pass(1);
      } else {
        // a client that was refused has ended: rarely, so that paths are long
        const type = names[Math.floor(random() * names.length)]!;
        if (type === "socket.refused" && random() < 0.9) continue;
        actor.send({ type });
        chart.send({ type });
      }
      seen.push([chart.state, statePath(actor.getSnapshot())]);
    }
    expect(seen.filter(([a, b]) => a !== b)).toEqual([]);
    expect(ours).toEqual(theirs);
    chart.stop();
    expect(timers.length).toBe(0);
    actor.stop();
  });

  it("queues an event that is sent during a transition, and ignores events once it was stopped", () => {
    const states: string[] = [];
    const did: string[] = [];
    const timers = new Timers();
    const chart = new RunningChart(
      chatTable,
      {
        actions: {
          openSocket: () => chart.send({ type: "socket.closed" }),
          dropSocket: () => did.push("dropped"),
          keep: () => did.push("kept"),
        },
        guards: {},
        delays: {},
        onState: (state) => states.push(state),
      },
      timers,
    );
    chart.start();
    expect([states, did]).toEqual([["connecting", "away"], ["dropped"]]);
    chart.stop();
    chart.send({ type: "say" });
    timers.pass(1000);
    expect([did, chart.state]).toEqual([["dropped"], "away"]);
  });
});
