/** The chart of a fleet: where each event leads, what it does there, what it reports, and the time that it gives. */
import { describe, expect, it, vi } from "vitest";
import type { AnyStateNode } from "xstate";
import { createActor, transition } from "xstate";
import type { FleetPlan, FleetSnapshot, ServiceEnding, ServiceView } from "../../machines/index.ts";
import { deadlineOf, defaultFleetSettings, fleetMachine, statePath, waitsForOf } from "../../machines/index.ts";
import type { Cue } from "../kit/story.ts";
import { story, trouble } from "../kit/story.ts";

type AnyEvent = { type: string } & Record<string, unknown>;
const cue = (event: AnyEvent): Cue => event as unknown as Cue;
const after = (delay: string, state: string): AnyEvent => ({ type: `xstate.after.${delay}.fleet.${state}` });

const plan: FleetPlan = {
  services: [{ name: "web", tier: "web" }],
  redis: undefined,
  folder: { path: "/run/1", publish: () => {}, remove: async () => {} },
  token: "the-token",
  notice: undefined,
};
const view = { name: "web", tier: "web", state: "init" } as ServiceView;
const ending: ServiceEnding = { name: "web", outcome: "shutdown", reason: "SIGTERM", exitCode: 0, ms: 5, ok: true };
const badEnding: ServiceEnding = { ...ending, outcome: "failed", exitCode: 1, ok: false };
const lostRedis: ServiceEnding = { ...badEnding, name: "redis", outcome: "given up" };
const redis = { url: "redis://:secret@localhost?path=/r", label: "redis://***", isOwn: true };

const planned = (value: FleetPlan = plan): AnyEvent => ({ type: "xstate.done.actor.planFleet", output: value });
const provided: AnyEvent = { type: "redis.provided", redis };
const servicesStarted: AnyEvent = { type: "services.started", services: [view] };
const servicesReady: AnyEvent = { type: "services.ready" };
const servicesEnded = (...endings: ServiceEnding[]): AnyEvent => ({ type: "services.ended", endings });
const redisEnded = (end?: ServiceEnding): AnyEvent => ({ type: "redis.ended", ending: end });
const removed: AnyEvent = { type: "xstate.done.actor.removeFolder" };
const stop: AnyEvent = { type: "stop", reason: "SIGINT" };
const force: AnyEvent = { type: "force", reason: "SIGTERM", exitCode: 143 };

const facts = {
  notice: { type: "notice", message: "no logs" },
  "port.taken": { type: "port.taken", whose: "web", taken: [8090], port: 8091 },
  "fleet.listening": { type: "fleet.listening", tier: "web", url: "http://127.0.0.1:8091" },
  "service.changed": { type: "service.changed", service: view },
  "service.lost": { type: "service.lost", service: view, cause: "none" },
  "redis.changed": { type: "redis.changed", redis: { state: "backingOff", pid: undefined, restarts: 0, trouble: "" } },
} satisfies Record<string, AnyEvent>;

const events = {
  ...facts,
  stop,
  force,
  "planFleet done": planned(),
  "planFleet error": { type: "xstate.error.actor.planFleet", error: trouble },
  "plan timeout": after("planTimeout", "planning"),
  "redis.provided": provided,
  "redis.failed": { type: "redis.failed", error: trouble },
  "redis.lost": { type: "redis.lost" },
  "redis.ended": redisEnded(),
  "ask timeout": after("askTimeout", "providingRedis"),
  "services.started": servicesStarted,
  "services.ready": servicesReady,
  "services.ended": servicesEnded(ending),
  "services.failed": { type: "services.failed", error: trouble },
  "stop timeout": after("stopTimeout", "stopping.services"),
  "kill timeout": after("killTimeout", "stopping.killing"),
  "end timeout": after("endTimeout", "stopping.redis"),
  "removeFolder done": removed,
  "removeFolder error": { type: "xstate.error.actor.removeFolder", error: trouble },
  "folder timeout": after("folderTimeout", "stopping.removing"),
} satisfies Record<string, AnyEvent>;
type EventName = keyof typeof events;
type Row = Partial<Record<EventName, string>>;

/** Facts are reported in every state; a chart that has ended is sent none. */
const reported = (path: string): Row => Object.fromEntries(Object.keys(facts).map((name) => [name, path]));
const living: Row = {
  stop: "stopping.services",
  force: "stopping.killing",
  "redis.lost": "stopping.services",
  "services.ended": "stopping.redis",
  "services.failed": "stopping.killing",
};

/** From, event, to; what is not in it is refused. */
const table: Record<string, Row> = {
  planning: {
    ...reported("planning"),
    stop: "planning",
    force: "planning",
    "planFleet done": "providingRedis",
    "planFleet error": "stopped",
    "plan timeout": "stopped",
  },
  "planning after stop": {
    ...reported("planning"),
    stop: "planning",
    force: "planning",
    "planFleet done": "stopping.removing",
    "planFleet error": "stopped",
    "plan timeout": "stopped",
  },
  providingRedis: {
    ...reported("providingRedis"),
    stop: "stopping.redis",
    force: "stopping.redis",
    "redis.provided": "starting",
    "redis.failed": "stopping.removing",
    "ask timeout": "stopping.redis",
  },
  starting: { ...reported("starting"), ...living, "services.started": "starting", "services.ready": "ready" },
  ready: { ...reported("ready"), ...living },
  "stopping.services": {
    ...reported("stopping.services"),
    force: "stopping.killing",
    "services.ended": "stopping.redis",
    "stop timeout": "stopping.killing",
  },
  "stopping.killing": {
    ...reported("stopping.killing"),
    force: "stopping.killing",
    "services.ended": "stopping.redis",
    "kill timeout": "stopping.redis",
  },
  "stopping.redis": {
    ...reported("stopping.redis"),
    force: "stopping.redis",
    "redis.ended": "stopping.removing",
    "redis.failed": "stopping.removing",
    "end timeout": "stopping.removing",
  },
  "stopping.removing": {
    ...reported("stopping.removing"),
    force: "stopping.removing",
    "removeFolder done": "stopped",
    "removeFolder error": "stopped",
    "folder timeout": "stopped",
  },
  stopped: reported("stopped"),
};

const toStarting = [planned(), provided].map(cue);
const toReady = [...toStarting, cue(servicesReady)];
const toRedis = [...toReady, cue(stop), cue(servicesEnded(ending))];
const ways: Record<string, readonly Cue[]> = {
  planning: [],
  "planning after stop": [cue(stop)],
  providingRedis: [cue(planned())],
  starting: toStarting,
  ready: toReady,
  "stopping.services": [...toReady, cue(stop)],
  "stopping.killing": [...toReady, cue(force)],
  "stopping.redis": toRedis,
  "stopping.removing": [...toRedis, cue(redisEnded())],
  stopped: [...toRedis, cue(redisEnded()), cue(removed)],
};

const request = { counts: new Map([["web", 1]]), redis: undefined };
const runOf = (cues: readonly Cue[], settings = {}) => {
  const { steps, snapshot } = story(fleetMachine, { request, settings, now: () => 1234.5 }, cues);
  return { steps, snapshot: snapshot as unknown as FleetSnapshot };
};
const at = (row: string): FleetSnapshot => runOf(ways[row]!).snapshot;
const outputOf = (...cues: Cue[]) => runOf(cues).snapshot.output;
const toEnd = [cue(redisEnded()), cue(removed)];

describe("the chart of a fleet", () => {
  const rows = Object.keys(table).flatMap((from) => Object.keys(events).map((event) => [from, event as EventName] as const));
  it.each(rows)("in %s, %s leads to the state in the table, or is refused", (from, name) => {
    const to = table[from]?.[name];
    const snapshot = at(from);
    expect(snapshot.can(events[name] as never)).toBe(to !== undefined);
    if (to === undefined) return;
    const [next] = transition(fleetMachine, snapshot, events[name] as never);
    expect(statePath(next)).toBe(to);
  });

  const { stopping, ...others } = fleetMachine.states;
  it("has no state that the table leaves out", () => {
    const named = new Set(Object.keys(table).map((row) => row.split(" after ")[0]));
    const paths = [...Object.keys(others), ...Object.keys(stopping!.states).map((name) => `stopping.${name}`)];
    expect(paths.sort()).toEqual([...named].sort());
  });

  it("describes every state, and names a deadline that exists where a state ends by itself", () => {
    for (const node of [stopping!, ...Object.values(others), ...Object.values(stopping!.states)] as AnyStateNode[]) {
      expect(node.description).toMatch(/^[A-Z].*\.$/);
      const deadline = (node.meta as { deadline?: string } | undefined)?.deadline;
      expect(node.after.map(({ delay }) => delay)).toEqual(deadline === undefined ? [] : [deadline]);
    }
  });

  it.each<[string, string, number | undefined]>([
    ["planning", "the plan", 15_000],
    ["providingRedis", "the first answer of Redis", 15_000],
    ["starting", "all services to be running; each has a deadline of its own", undefined],
    ["ready", "a caller's stop, the end of all services, or the loss of Redis", undefined],
    ["stopping.services", "the exit of all services", 40_000],
    ["stopping.killing", "the exit of services that were killed", 10_000],
    ["stopping.redis", "the end of Redis", 15_000],
    ["stopping.removing", "the folder to be removed", 5000],
  ])("in %s waits for %s, within %s ms", (state, waitsFor, ms) => {
    expect(waitsForOf(at(state))).toBe(waitsFor);
    expect(deadlineOf(at(state))?.ms).toBe(ms);
  });

  it("gives each step the time of its settings", () => {
    const settings = {
      planTimeoutMs: 1,
      askTimeoutMs: 2,
      endTimeoutMs: 6,
      stopTimeoutMs: 3,
      killTimeoutMs: 4,
      folderTimeoutMs: 5,
    };
    const longest = (row: string) => deadlineOf(runOf(ways[row]!, settings).snapshot)?.ms;
    expect(Object.keys(ways).map(longest)).toEqual([1, 1, 2, undefined, undefined, 3, 4, 6, 5, undefined]);
    expect(defaultFleetSettings.stopTimeoutMs).toBe(40_000);
  });
});

describe("a fleet, step by step", () => {
  it("is planned, provided with Redis, started, stopped in reverse, and removed", () => {
    const cues = [planned(), provided, servicesStarted, facts["fleet.listening"], servicesReady].map(cue);
    const { steps } = runOf([...cues, cue(stop), cue(servicesEnded(ending)), ...toEnd]);
    expect(steps).toEqual([
      'planning | planTimeout in 15000 | start planFleet {"counts":{}}',
      `xstate.done.actor.planFleet ${JSON.stringify(plan)} -> providingRedis | stop planFleet | start redis {"isShared":false} | askTimeout in 15000`,
      `redis.provided ${JSON.stringify(redis)} -> starting | start services ${JSON.stringify({ plan, redisUrl: redis.url })}`,
      `services.started ${JSON.stringify([view])} -> starting | emit fleet.starting redis://*** true /run/1 ${JSON.stringify([view])}`,
      "fleet.listening web http://127.0.0.1:8091 -> starting | emit fleet.listening web http://127.0.0.1:8091",
      "services.ready -> ready | emit fleet.ready 1235 http://127.0.0.1:8091",
      "stop SIGINT -> stopping.services | emit fleet.stopping SIGINT | services <- stop | stopTimeout in 40000",
      `services.ended ${JSON.stringify([ending])} -> stopping.redis | stop services | redis <- stop | endTimeout in 15000`,
      'redis.ended  -> stopping.removing | stop redis | folderTimeout in 5000 | start removeFolder {"folder":{"path":"/run/1"},"keepLogs":false}',
      `xstate.done.actor.removeFolder -> stopped | stop removeFolder | emit fleet.stopped ${JSON.stringify([ending])} 0`,
    ]);
  });

  it("kills at a force what a stop has not ended, and what a stop was not sent to", () => {
    expect(runOf([...toReady, cue(stop), cue(force)]).steps.at(-1)).toBe(
      "force SIGTERM 143 -> stopping.killing | services <- kill | killTimeout in 10000",
    );
    expect(runOf([...toReady, cue(stop), "after stopTimeout"]).steps.at(-1)).toBe(
      "after stopTimeout -> stopping.killing | services <- kill | killTimeout in 10000",
    );
    expect(runOf([...toStarting, cue(force)]).steps.at(-1)).toBe(
      "force SIGTERM 143 -> stopping.killing | emit fleet.stopping SIGTERM | services <- kill | killTimeout in 10000",
    );
  });

  it("passes a named Redis on, and keeps the logs of a service that failed", () => {
    const named = { url: "redis://r", label: "redis://r", from: "--redis" as const };
    expect(runOf([cue(planned({ ...plan, redis: named }))]).steps.at(-1)).toContain(
      `start redis ${JSON.stringify({ named, isShared: false })}`,
    );
    expect(runOf([...toReady, cue(stop), cue(servicesEnded(badEnding)), cue(redisEnded())]).steps.at(-1)).toContain(
      '{"folder":{"path":"/run/1"},"keepLogs":true}',
    );
  });

  it("shares its Redis with the keys and commands of services of the user's own, where there is one among them", () => {
    const own = { name: "orders", tier: "orders", module: "/srv/orders.js" };
    expect(runOf([cue(planned({ ...plan, services: [...plan.services, own] }))]).steps.at(-1)).toContain(
      'start redis {"isShared":true}',
    );
  });

  it("is stopped by the loss of its Redis, and by the end of all its services, with that reason", () => {
    expect(runOf([...toReady, "redis.lost"]).steps.at(-1)).toContain(
      "emit fleet.stopping its Redis was given up | services <- stop",
    );
    expect(runOf([...toReady, cue(servicesEnded(badEnding))]).steps.at(-1)).toContain("emit fleet.stopping no service is left");
  });

  it("stops after the plan where a stop came before it, and emits that", () => {
    expect(runOf([cue(stop), cue(force), cue(planned())]).steps.at(-1)).toContain(
      "-> stopping.removing | stop planFleet | emit fleet.stopping SIGINT",
    );
    expect(outputOf(cue(force), cue(planned()), cue(removed))).toEqual({ endings: [], exitCode: 143, failure: undefined });
  });

  it("stops Redis where a stop comes before its answer", () => {
    for (const command of [stop, force]) {
      expect(runOf([cue(planned()), cue(command)]).steps.at(-1)).toContain(
        `emit fleet.stopping ${String(command.reason)} | redis <- stop`,
      );
    }
    expect(outputOf(cue(planned()), cue(stop), cue(events["redis.failed"]), cue(removed))).toMatchObject({
      exitCode: 0,
      failure: undefined,
    });
    expect(outputOf(cue(planned()), cue(force), ...toEnd)).toMatchObject({ exitCode: 143 });
  });
});

describe("what a fleet reports", () => {
  it("is each fact of its services and of its Redis, as it came", () => {
    for (const event of Object.values(facts)) {
      const { type, ...rest } = event;
      const words = Object.values(rest).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
      expect(runOf([...toReady, cue(event)]).steps.at(-1)).toContain(`-> ready | emit ${[type, ...words].join(" ")}`);
    }
  });

  it("is what the plan has to do without, also where the fleet is stopped at once", () => {
    const without = planned({ ...plan, folder: undefined, notice: "no logs" });
    expect(runOf([cue(without)]).steps.at(-1)).toContain("emit notice no logs");
    expect(runOf([cue(stop), cue(without)]).steps.at(-1)).toContain("emit notice no logs | emit fleet.stopping SIGINT");
    expect(runOf([cue(without), cue(provided), cue(servicesStarted)]).steps.at(-1)).toContain(
      `emit fleet.starting redis://*** true ${JSON.stringify([view])}`,
    );
  });

  it("is the newest address of each tier when it is ready", () => {
    const gateway = { type: "fleet.listening", tier: "gateway", url: "http://g" };
    const moved = { ...facts["fleet.listening"], url: "http://w" };
    const cues = [facts["fleet.listening"], gateway, moved, servicesReady].map(cue);
    const { snapshot, steps } = runOf([...toStarting, ...cues]);
    expect(snapshot.context.addresses).toEqual({ web: "http://w", gateway: "http://g" });
    expect(steps.at(-1)).toBe("services.ready -> ready | emit fleet.ready 1235 http://w http://g");
  });

  it("is how each service ended, its Redis too where that was given up, with the logs where one failed", () => {
    const cues = [...toReady, cue(stop), cue(servicesEnded(ending)), cue(redisEnded(lostRedis)), cue(removed)];
    const { steps, snapshot } = runOf(cues);
    expect(steps.at(-1)).toContain(`emit fleet.stopped ${JSON.stringify([ending, lostRedis])} 1 /run/1`);
    expect(snapshot.output).toEqual({ endings: [ending, lostRedis], exitCode: 1, failure: undefined });
  });

  it("has the exit code of the first force, also where every service ended well", () => {
    const again = { ...force, exitCode: 130 };
    const cues = [...toReady, cue(stop), cue(force), cue(again), cue(servicesEnded(ending)), cue(again), ...toEnd];
    const { steps, snapshot } = runOf(cues);
    expect(steps.at(-1)).toContain(`emit fleet.stopped ${JSON.stringify([ending])} 143`);
    expect(snapshot.output?.exitCode).toBe(143);
    const late = [...toRedis, cue(force), cue(redisEnded()), cue(again), cue(removed)];
    expect(outputOf(...late)).toMatchObject({ exitCode: 143 });
  });

  it.each<[string, Cue[], string]>([
    ["the plan is refused", [cue(events["planFleet error"])], "trouble"],
    ["the plan takes too long", ["after planTimeout"], "the fleet could not be planned within planTimeoutMs"],
    ["there is no Redis", [cue(planned()), cue(events["redis.failed"]), cue(removed)], "trouble"],
    ["Redis takes too long", [cue(planned()), "after askTimeout", ...toEnd], "Redis did not answer within askTimeoutMs"],
    ["no service can be started", [...toStarting, cue(events["services.failed"]), cue(servicesEnded()), ...toEnd], "trouble"],
  ])("is no end but the error where %s", (_, cues, message) => {
    const { steps, snapshot } = runOf(cues);
    expect(snapshot.output).toMatchObject({ failure: { error: new Error(message) } });
    expect(steps.join("\n")).not.toMatch(/emit fleet\.stopp/);
  });

  it("keeps the first error, and the logs", () => {
    const second = { type: "services.failed", error: new Error("second") };
    const first = [...toStarting, cue(events["services.failed"])];
    expect(runOf(first).snapshot.can(second as never)).toBe(false);
    expect(runOf([...first, cue(servicesEnded()), cue(redisEnded())]).steps.at(-1)).toContain('"keepLogs":true');
  });

  it("begins with nothing", () => {
    const { now: _, ...noted } = runOf([]).snapshot.context;
    expect(noted).toEqual({
      request,
      settings: defaultFleetSettings,
      plan: { services: [], redis: undefined, folder: undefined, token: "", notice: undefined },
      redis: undefined,
      addresses: {},
      reason: "",
      forced: undefined,
      endings: [],
      failure: undefined,
    });
  });
});

describe("an actor of a fleet that was not provided", () => {
  it("fails with its own name", async () => {
    const actor = createActor(fleetMachine, { input: { request } });
    const ended = new Promise((resolve) => actor.subscribe({ complete: () => resolve(actor.getSnapshot().output) }));
    actor.start();
    expect(await ended).toMatchObject({ failure: { error: new Error("actor 'planFleet' was not provided") } });
    const { actors } = fleetMachine.implementations as unknown as { actors: Record<string, { config: () => unknown }> };
    await expect(actors.removeFolder!.config()).rejects.toThrow("'removeFolder'");
    for (const name of ["redis", "services"]) expect(() => actors[name]!.config(), name).toThrow(`'${name}'`);
  });

  it("has a clock that counts from the start of this process", () => {
    const { context } = createActor(fleetMachine, { input: { request } }).getSnapshot();
    const clock = vi.spyOn(performance, "now").mockReturnValue(1234);
    expect(context.now()).toBe(1234);
    clock.mockRestore();
  });
});
