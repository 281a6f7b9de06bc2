/** An oracle that does not come from the charts: the contract as tables, and properties of the whole graph. */
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from "xstate";
import { transition } from "xstate";
import { getStateNodes } from "xstate/graph";
import type { Begun, LifecycleSnapshot, StateMeta } from "../../machines/index.ts";
import { leaseMachine, lifecycleMachine, stateName, stateNames, statePath, stopSteps } from "../../machines/index.ts";
import { silentLifecycle } from "../../src/flight/drive.ts";
import type { ModelEvent } from "../kit/model.ts";
import {
  declaredTransitions,
  eventName,
  graphOf,
  inertLeaseWrites,
  leaseModel,
  lifecycleModel,
  lifecycleVariants,
  sequencesOf,
  walk,
} from "../kit/model.ts";

const nodesOf = (machine: AnyStateMachine) => [machine.root, ...getStateNodes(machine.root as never)] as AnyStateNode[];
const worlds = lifecycleVariants.map((variant) => ({ ...variant, ...graphOf(lifecycleModel(variant.settings, variant)) }));
const required = worlds[0]!;
const leaseWorld = graphOf(leaseModel());

const twin = { host: "elsewhere", pid: 1 };
const failure = { phase: "running", code: "SG_ERR_RUN_FAILED", message: "late" };
const error = new Error("table");

/** Where an event leads: a path, `=` for "taken, stays", nothing for "refused". */
type Row = Readonly<Record<string, string>>;
const always: Row = {
  "hook.failed": "=",
  "phase.began": "=",
  "phase.ended": "=",
  "release.owed": "=",
  "companion.spawn": "=",
  "companion.other.1 done": "=",
  "companion.other.1 error": "=",
  "leadership.gained": "=",
};
const leaseFacts: Row = {
  "lease.held": "=",
  "lease.suspect": "=",
  "lease.lost": "=",
  "lease.regained": "=",
  "lease.released": "=",
  "lease.abandoned": "=",
  "lease.superseded": "=",
  "lease error": "=",
};
const anywhere: Row = { ...always, ...leaseFacts };
const bootStep: Row = { ...anywhere, shutdown: "stopping.announcing" };
const stopStep: Row = { ...anywhere, "error.late": "=" };
const leased: Row = { "lease.superseded": "stopping.announcing" };

const lifecycleTable: Readonly<Record<string, Row>> = {
  init: { ...anywhere, boot: "jitter", shutdown: "stopped" },
  jitter: { ...bootStep, "after bootJitter": "pinging.attempt" },
  "pinging.attempt": {
    ...bootStep,
    "pingRedis done": "starting",
    "pingRedis error": "pinging.backoff",
    "after pingTimeout": "pinging.backoff",
  },
  "pinging.backoff": { ...bootStep, "after pingBackoff": "pinging.attempt" },
  starting: {
    ...bootStep,
    "drain.owed": "=",
    "startTier done": "registering",
    "startTier error": "stopping.announcing",
    "after startTimeout": "stopping.announcing",
  },
  registering: {
    ...bootStep,
    ...leased,
    "lease.held": "healthy.opening",
    "lease.lost": "healthy.opening",
    "lease error": "healthy.opening",
    "after registerTimeout": "healthy.opening",
  },
  "healthy.opening": {
    ...bootStep,
    ...leased,
    "openHealth done": "healthy.ready",
    "openHealth error": "stopping.announcing",
    "after healthTimeout": "stopping.announcing",
  },
  "healthy.ready": { ...bootStep, ...leased, run: "running" },
  running: { ...bootStep, ...leased, "runTier done": "stopping.announcing", "runTier error": "stopping.announcing" },
  "stopping.announcing": {
    ...stopStep,
    "announceTier done": "=",
    "announceTier error": "=",
    "after drainDelay": "stopping.closing",
  },
  "stopping.closing": {
    ...stopStep,
    "closeHealth done": "stopping.deregistering",
    "closeHealth error": "stopping.deregistering",
    "after closeTimeout": "stopping.deregistering",
  },
  "stopping.deregistering": {
    ...stopStep,
    "lease.released": "stopping.draining",
    "lease.abandoned": "stopping.draining",
    "lease.superseded": "stopping.draining",
    "lease error": "stopping.draining",
    "after deregisterTimeout": "stopping.draining",
  },
  "stopping.draining": {
    ...stopStep,
    "drainTier done": "stopping.unwinding",
    "drainTier error": "stopping.unwinding",
    "after drainTimeout": "stopping.unwinding",
  },
  "stopping.unwinding": {
    ...stopStep,
    "stopTier done": "stopping.releasing",
    "stopTier error": "stopping.releasing",
    "after stopTimeout": "stopping.releasing",
  },
  "stopping.releasing": {
    ...stopStep,
    "releaseTier done": "stopping.disconnecting",
    "releaseTier error": "stopping.disconnecting",
    "after releaseTimeout": "stopping.disconnecting",
  },
  "stopping.disconnecting": {
    ...stopStep,
    "closeRedis done": "stopped",
    "closeRedis error": "stopped",
    "after disconnectTimeout": "stopped",
  },
  stopped: {},
};

/** every event of the table that is a command or a fact; the answers of actors and the deadlines are added per machine */
const lifecycleEvents: readonly ModelEvent[] = [
  { type: "boot" },
  { type: "run" },
  { type: "shutdown", reason: "table" },
  { type: "hook.failed", failure },
  { type: "phase.began", phase: "starting.tools" },
  { type: "phase.ended", phase: "starting.tools", outcome: "done" },
  { type: "release.owed" },
  { type: "drain.owed" },
  { type: "error.late", error },
  { type: "companion.spawn", companion: { name: "other", input: {} }, count: 1 },
  { type: "xstate.done.actor.companion.other.1" },
  { type: "xstate.error.actor.companion.other.1", error },
  { type: "leadership.gained", name: "table", fence: 1 },
  { type: "lease.held" },
  { type: "lease.suspect", reason: "table" },
  { type: "lease.lost", reason: "table" },
  { type: "lease.regained" },
  { type: "lease.superseded", twin },
  { type: "lease.released" },
  { type: "lease.abandoned", reason: "table" },
  { type: "xstate.error.actor.lease", error },
];

const lease = (own: Row): Row => ({ status: "=", release: "releasing", ...own });
const leaseTable: Readonly<Record<string, Row>> = {
  registering: lease({
    "registerInstance done ok": "held.waiting",
    "registerInstance done gone": "lost.waiting",
    "registerInstance done superseded": "superseded",
    "registerInstance error": "lost.waiting",
    "after writeTimeout": "lost.waiting",
  }),
  "held.waiting": lease({ status: "held.beating", "after heartbeatInterval": "held.beating" }),
  "held.beating": lease({
    "renewLease done ok": "held.waiting",
    "renewLease done gone": "lost.registering",
    "renewLease done superseded": "superseded",
    "renewLease error": "suspect.waiting",
    "after beatTimeout": "suspect.waiting",
  }),
  "suspect.waiting": lease({ "after leaseRetry": "suspect.beating", "after leaseTtl": "lost.registering" }),
  "suspect.beating": lease({
    "renewLease done ok": "held.waiting",
    "renewLease done gone": "lost.registering",
    "renewLease done superseded": "superseded",
    "renewLease error": "suspect.waiting",
    "after writeTimeout": "suspect.waiting",
    "after leaseTtl": "lost.registering",
  }),
  "lost.registering": lease({
    "registerInstance done ok": "regained",
    "registerInstance done gone": "lost.waiting",
    "registerInstance done superseded": "superseded",
    "registerInstance error": "lost.waiting",
    "after writeTimeout": "lost.waiting",
  }),
  "lost.waiting": lease({ "after leaseRetry": "lost.registering" }),
  regained: lease({ status: "held.beating", "after heartbeatInterval": "held.beating" }),
  releasing: {
    status: "=",
    "deregisterInstance done": "released",
    "deregisterInstance error": "abandoned",
    "after writeTimeout": "abandoned",
  },
  superseded: {},
  released: {},
  abandoned: {},
};

/** the answers of every actor and every deadline, whichever state they belong to */
const answersAndDeadlines = (machine: AnyStateMachine): ModelEvent[] =>
  [...new Set(nodesOf(machine).flatMap((node) => node.ownEvents))]
    .filter((type) => /^xstate\.(done\.actor|error\.actor|after)\./.test(type))
    .filter((type) => type !== "xstate.error.actor.lease" && !type.includes(".companion."))
    .flatMap((type): ModelEvent[] => {
      if (type.startsWith("xstate.error")) return [{ type, error }];
      if (!/registerInstance|renewLease/.test(type) || type.includes("deregister")) return [{ type }];
      return [{ type: "ok" }, { type: "gone" }, { type: "superseded", twin }].map((output) => ({ type, output }));
    });

const tableOf = (machine: AnyStateMachine, snapshots: readonly AnyMachineSnapshot[], events: readonly ModelEvent[]) => {
  const all = [...events, ...answersAndDeadlines(machine)];
  const table: Record<string, Record<string, string>> = {};
  for (const snapshot of snapshots) {
    const from = statePath(snapshot);
    table[from] ??= Object.fromEntries(
      all
        .filter((event) => snapshot.status === "active" && snapshot.can(event as never))
        .map((event) => {
          const to = statePath((transition(machine, snapshot, event as never) as unknown as [AnyMachineSnapshot])[0]);
          return [eventName(event), to === from ? "=" : to];
        }),
    );
  }
  return table;
};

/** the first snapshot of each path, with as much begun as that path can have, so that no step is skipped */
const richest = (states: readonly LifecycleSnapshot[]) =>
  [...states].sort((a, b) => score(b) - score(a) || a.context.attempt - b.context.attempt);
const score = ({ context: { begun, failures } }: LifecycleSnapshot) =>
  Object.values(begun).filter(Boolean).length - Number(failures.length > 0);

describe("the tables", () => {
  it("lifecycle: every state takes exactly these events, and they lead exactly there", () => {
    expect(tableOf(lifecycleMachine, richest(required.states), lifecycleEvents)).toEqual(lifecycleTable);
  });

  it("lease: every state takes exactly these events, and they lead exactly there", () => {
    const fresh = leaseWorld.states.filter(({ context }) => context.wanted === "starting");
    const ends = leaseWorld.states.filter(({ status }) => status === "done");
    expect(tableOf(leaseMachine, [...fresh, ...ends], [{ type: "status", status: "running" }, { type: "release" }])).toEqual(
      leaseTable,
    );
  });

  it("the last ping attempt ends the boot where Redis is required, and degrades it where it is optional", () => {
    const last = (states: readonly LifecycleSnapshot[]) =>
      states.find((snapshot) => statePath(snapshot) === "pinging.attempt" && snapshot.context.attempt === 2)!;
    const timeout = { type: "xstate.after.pingTimeout.lifecycle.pinging.attempt" } as never;
    const [ended] = transition(lifecycleMachine, last(required.states), timeout);
    expect([stateName(ended), ended.context.failures[0]?.code]).toEqual(["stopping", "SG_ERR_REDIS_UNREACHABLE"]);
    const [degraded] = transition(lifecycleMachine, last(worlds[1]!.states), timeout);
    expect([stateName(degraded), degraded.context.degraded]).toEqual(["starting", true]);
  });
});

describe("the shape of the lifecycle", () => {
  it("has the nine states of the contract at its top, in order, and one final state", () => {
    expect(Object.keys(lifecycleMachine.root.states)).toEqual([...stateNames]);
    const finals = nodesOf(lifecycleMachine).filter(({ type }) => type === "final");
    expect(finals.map(({ id }) => id)).toEqual(["lifecycle.stopped"]);
  });

  it.each(worlds)("$name: shutdown has an arrow from init to running, and nowhere after", ({ states }) => {
    for (const snapshot of states)
      expect(snapshot.status === "active" && snapshot.can({ type: "shutdown", reason: "" }), statePath(snapshot)).toBe(
        !["stopping", "stopped"].includes(stateName(snapshot)),
      );
  });

  it.each(worlds)(
    "$name: stopping is entered from outside at its first step only, goes forward only, and leads only to stopped",
    ({ edges }) => {
      const isLast = ({ context: { settings, begun } }: LifecycleSnapshot) => settings.closeHealth === "last" && begun.open;
      const last = [...stopSteps.filter((name) => name !== "closing").slice(0, -1), "closing", "disconnecting"];
      const step = (snapshot: LifecycleSnapshot) =>
        (isLast(snapshot) ? last : [...stopSteps]).indexOf(statePath(snapshot).split(".")[1] as never);
      for (const { from, to, event } of edges) {
        const name = `${statePath(from)} -${event.type}-> ${statePath(to)}`;
        if (stateName(to) === "stopping" && stateName(from) !== "stopping") expect(step(to), name).toBe(0);
        if (stateName(from) === "stopping" && stateName(to) !== "stopping") expect(stateName(to), name).toBe("stopped");
        if (stateName(from) === "stopping" && stateName(to) === "stopping")
          expect(step(to), name).toBeGreaterThanOrEqual(step(from));
      }
    },
  );

  it.each(worlds)("$name: the states are entered in order, and each once", ({ edges }) => {
    const at = (snapshot: LifecycleSnapshot) => stateNames.indexOf(stateName(snapshot));
    for (const { from, to } of edges) {
      expect(at(to)).toBeGreaterThanOrEqual(at(from));
      if (!["stopping", "stopped"].includes(stateName(to))) expect(at(to) - at(from)).toBeLessThanOrEqual(1);
    }
  });

  it.each(worlds)("$name: every path ends in stopped", ({ states, reach }) => {
    for (const snapshot of states)
      expect(
        reach(snapshot).some(({ status }) => status === "done"),
        statePath(snapshot),
      ).toBe(true);
  });

  it.each(worlds)("$name: nothing begun is left undone", ({ states, reach }) => {
    const undoing: Record<Exclude<keyof Begun, "open">, string> = {
      tier: "stopping.unwinding",
      lease: "stopping.deregistering",
      health: "stopping.closing",
      drain: "stopping.announcing",
      releases: "stopping.releasing",
    };
    for (const [what, step] of Object.entries(undoing) as [keyof typeof undoing, string][])
      for (const snapshot of states.filter(
        ({ context, value }) => context.begun[what] && !statePath({ value }).startsWith("stop"),
      ))
        for (const end of reach(snapshot, { avoids: (s) => statePath(s) === step || !s.context.begun[what] }))
          expect(end.status, `${what} begun in ${statePath(snapshot)} ends without ${step}`).toBe("active");
  });

  it.each(worlds)("$name: timers alone end it when every hook hangs", ({ states, edges, reach }) => {
    const takes = ({ event }: { event: ModelEvent }) => event.type.startsWith("xstate.after.");
    const waits = (s: LifecycleSnapshot) => ["init", "healthy.ready", "running"].includes(statePath(s));
    const rests = (from: LifecycleSnapshot) => reach(from, { takes }).some((s) => s.status === "done" || waits(s));
    for (const snapshot of states) expect(rests(snapshot), statePath(snapshot)).toBe(true);
    for (const { event, to } of edges.filter((edge) => edge.event.type === "shutdown"))
      expect(
        reach(to, { takes }).some(({ status }) => status === "done"),
        event.type,
      ).toBe(true);
  });

  it.each(worlds)("$name: the end of the lease is noticed wherever it lives", ({ states }) => {
    for (const snapshot of states.filter(({ status, context }) => status === "active" && context.isLeaseAlive))
      for (const event of [
        { type: "lease.superseded", twin },
        { type: "xstate.error.actor.lease", error },
      ] as const) {
        const [next] = transition(lifecycleMachine, snapshot, event as never);
        expect(next.context.isLeaseAlive, `${event.type} in ${statePath(snapshot)}`).toBe(false);
      }
  });

  it.each(worlds)(
    "$name: a report is failed exactly when a failure is in it, and its exit code is 1 exactly then",
    ({ states }) => {
      for (const { output } of states.filter(({ status }) => status === "done")) {
        expect(output?.outcome === "failed").toBe(output!.failures.length > 0);
        expect(output?.exitCode).toBe(output!.failures.length > 0 ? 1 : 0);
        expect(output?.error).toBe(output?.failures[0]);
        expect(output?.phases.every(({ durationMs }) => durationMs !== undefined)).toBe(true);
      }
    },
  );
});

describe("the shape of the lease", () => {
  it("takes release until it is over, and once", () => {
    for (const snapshot of leaseWorld.states)
      expect(snapshot.status === "active" && snapshot.can({ type: "release" }), statePath(snapshot)).toBe(
        !["releasing", "released", "abandoned", "superseded"].includes(statePath(snapshot)),
      );
  });

  it("never rests with a status that Redis has not seen", () => {
    for (const snapshot of leaseWorld.states)
      if (["held.waiting", "regained"].includes(statePath(snapshot)))
        expect(snapshot.context.written).toBe(snapshot.context.wanted);
  });

  it("ends from releasing on every event", () => {
    const takes = ({ event }: { event: ModelEvent }) => event.type.startsWith("xstate.after.");
    for (const snapshot of leaseWorld.states.filter((s) => statePath(s) === "releasing"))
      expect(leaseWorld.reach(snapshot, { takes }).some(({ status }) => status === "done")).toBe(true);
  });
});

/** no state in which the chart rests */
const transient = (node: AnyStateNode) => node.always !== undefined && node.invoke.length === 0 && node.after.length === 0;

const charts = [
  {
    name: "lifecycle",
    machine: lifecycleMachine as AnyStateMachine,
    inert: silentLifecycle as AnyStateMachine,
    models: lifecycleVariants.map((variant) => lifecycleModel(variant.settings, variant)),
  },
  { name: "lease", machine: leaseMachine as AnyStateMachine, inert: inertLeaseWrites as AnyStateMachine, models: [leaseModel()] },
];

describe.each(charts)("the graph of $name", ({ machine, inert, models }) => {
  it("reaches every state and takes every declared transition", () => {
    const taken = new Set(
      models.flatMap((model) => sequencesOf(model as never).flatMap(({ events }) => [...walk(inert, model.input, events)])),
    );
    expect([...declaredTransitions(machine)].filter((name) => !taken.has(name))).toEqual([]);
    const reached = new Set(
      models.flatMap((model) => graphOf(model as never).states.map((snapshot) => statePath(snapshot as never))),
    );
    const leaves = nodesOf(machine).filter((node) => Object.keys(node.states).length === 0 && !transient(node));
    expect(leaves.map(({ path }) => path.join(".")).filter((path) => !reached.has(path))).toEqual([]);
  });

  it("names every delay that it waits for", () => {
    const used = nodesOf(machine).flatMap((node) => node.after.map(({ delay }) => String(delay)));
    expect(used.filter((name) => !(name in machine.implementations.delays))).toEqual([]);
    expect(Object.keys(machine.implementations.delays).filter((name) => !used.includes(name))).toEqual([]);
  });

  it("describes every state, and names the deadline of every state that time alone ends", () => {
    for (const node of nodesOf(machine).filter(({ parent }) => parent !== undefined)) {
      const { waitsFor, deadline } = (node.meta ?? {}) as StateMeta;
      expect(node.description, node.id).toMatch(/^[A-Z].*\.$/);
      expect(deadline, node.id).toBe(node.after[0]?.delay);
      const waits = Object.keys(node.states).length === 0 && node.type !== "final" && !transient(node);
      if (waits) expect(waitsFor, node.id).toEqual(expect.any(String));
    }
  });

  it("gives every invoke onDone, onError and, but for run, a deadline", () => {
    for (const node of nodesOf(machine))
      for (const { id } of node.invoke) {
        expect(node.ownEvents, node.id).toContain(`xstate.done.actor.${id}`);
        expect(node.ownEvents, node.id).toContain(`xstate.error.actor.${id}`);
        if (id !== "runTier") expect(node.after.length, node.id).toBeGreaterThan(0);
      }
  });

  it("has no compound state that could be done without an arrow for it", () => {
    for (const node of nodesOf(machine).filter(({ type, parent }) => type === "compound" && parent !== undefined)) {
      const ends = Object.values(node.states).some(({ type }) => type === "final");
      expect(
        node.ownEvents.some((type) => type.startsWith("xstate.done.state.")),
        node.id,
      ).toBe(ends);
    }
  });
});
