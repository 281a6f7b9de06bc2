/** A chart as a test model: its own graph, with payloads for its events, and a path for each of its arrows. */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from "xstate";
import { createActor, createEmptyActor, fromPromise } from "xstate";
import { getAdjacencyMap, getStateNodes } from "xstate/graph";
import type { LifecycleInput, LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { leaseMachine, stateName, statePath } from "../../machines/index.ts";
import { silentLifecycle } from "../../src/flight/drive.ts";

export interface ModelEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface Model<S extends AnyMachineSnapshot = AnyMachineSnapshot> {
  readonly machine: AnyStateMachine;
  readonly input: unknown;
  /** the state and everything that a guard reads */
  readonly key: (snapshot: S) => unknown;
  /** the place by which `sequencesOf` distinguishes arrows; default: the path of the state */
  readonly place?: (snapshot: S) => string;
  /** the events worth trying in a snapshot for a type that needs a payload or a condition; none means not offered */
  readonly payloads: Readonly<Record<string, (snapshot: S) => readonly ModelEvent[]>>;
}

/** `pingRedis done`, `after pingTimeout`, `lease.held`: an event as the tables of the tests call it. */
export const eventName = ({ type, output }: ModelEvent): string => {
  const answer = (output as { type?: string } | undefined)?.type;
  return [
    type.replace(/^xstate\.(done|error)\.actor\.(.+)$/, "$2 $1").replace(/^xstate\.after\.(\w+)\..*$/, "after $1"),
    ...(answer === undefined ? [] : [answer]),
  ].join(" ");
};

/** Every event type that a state or one above it has an arrow for. A compound's own `done.state` is never sent by hand. */
const ownEvents = (snapshot: AnyMachineSnapshot): string[] => [
  ...new Set(
    (snapshot._nodes as AnyStateNode[])
      .flatMap((node) => node.ownEvents)
      .filter((type) => !type.startsWith("xstate.done.state.")),
  ),
];

const eventsOf = (model: Model, snapshot: AnyMachineSnapshot): ModelEvent[] =>
  snapshot.status !== "active"
    ? []
    : ownEvents(snapshot).flatMap(
        (type) =>
          model.payloads[type]?.(snapshot) ??
          (type.startsWith("xstate.error.") ? [{ type, error: new Error("model") }] : [{ type }]),
      );

/** How the graph of a model is walked. */
const traversal = (model: Model) =>
  ({
    input: model.input,
    events: (snapshot: AnyMachineSnapshot) => eventsOf(model, snapshot),
    filterEvents: (snapshot: AnyMachineSnapshot, event: ModelEvent) => snapshot.can(event as never),
    serializeEvent: eventName,
    serializeState: (snapshot: AnyMachineSnapshot) => JSON.stringify(model.key(snapshot)),
  }) as never;

export interface Edge<S> {
  readonly from: S;
  readonly event: ModelEvent;
  readonly to: S;
}

/** Every distinct snapshot and every arrow between them. */
export const graphOf = <S extends AnyMachineSnapshot>(model: Model<S>) => {
  const map = getAdjacencyMap(model.machine as never, traversal(model as Model)) as unknown as Record<
    string,
    { state: S; transitions: Record<string, { state: S; event: ModelEvent }> }
  >;
  const states = Object.values(map).map(({ state }) => state);
  const edges: Edge<S>[] = Object.values(map).flatMap(({ state, transitions }) =>
    Object.values(transitions).map(({ state: to, event }) => ({ from: state, event, to })),
  );
  const id = (snapshot: S) => JSON.stringify(model.key(snapshot));
  const out = new Map<string, Edge<S>[]>();
  for (const edge of edges) {
    const key = id(edge.from);
    const arrows = out.get(key);
    if (arrows) arrows.push(edge);
    else out.set(key, [edge]);
  }
  /** what can be reached from `from` over arrows that `takes` allows, without entering what `avoids` names */
  const reach = (
    from: S,
    { takes = () => true, avoids = () => false }: Partial<{ takes(e: Edge<S>): boolean; avoids(s: S): boolean }> = {},
  ) => {
    const seen = new Map([[id(from), from]]);
    const queue = [from];
    for (let at = queue.pop(); at; at = queue.pop())
      for (const edge of out.get(id(at)) ?? []) {
        if (seen.has(id(edge.to)) || !takes(edge) || avoids(edge.to)) continue;
        seen.set(id(edge.to), edge.to);
        queue.push(edge.to);
      }
    return [...seen.values()];
  };
  return { states, edges, reach, from: (key: string): readonly Edge<S>[] => out.get(key) ?? [] };
};

export interface NamedPath {
  /** `running, lease held: shutdown leads to stopping.announcing, lease held` */
  readonly name: string;
  readonly events: readonly ModelEvent[];
}

/** One shortest path for each different arrow (where from, by what, where to), loops included. */
export const sequencesOf = <S extends AnyMachineSnapshot>(model: Model<S>): NamedPath[] => {
  const { states, from: arrowsFrom } = graphOf(model);
  const { place = statePath } = model;
  const id = (snapshot: S) => JSON.stringify(model.key(snapshot));
  const wayTo = new Map([[id(states[0]!), [] as ModelEvent[]]]);
  const paths = new Map<string, ModelEvent[]>();
  for (const from of wayTo.keys())
    for (const edge of arrowsFrom(from)) {
      const way = [...wayTo.get(from)!, edge.event];
      const name = `${place(edge.from)}: ${eventName(edge.event)} leads to ${place(edge.to)}`;
      if (!wayTo.has(id(edge.to))) wayTo.set(id(edge.to), way);
      if (!paths.has(name)) paths.set(name, way);
    }
  return [...paths].map(([name, events]) => ({ name, events }));
};

/** Every transition that the chart declares and that does something, as `source event index`. */
export const declaredTransitions = (machine: AnyStateMachine): Set<string> => {
  const all = new Set<string>();
  for (const node of [machine.root, ...getStateNodes(machine.root as never)] as AnyStateNode[]) {
    for (const [type, transitions] of node.transitions)
      transitions.forEach(({ target, actions }, at) => {
        if (target !== undefined || actions.length > 0) all.add(`${node.id} ${type} ${at}`);
      });
    node.always?.forEach((_, at) => {
      all.add(`${node.id} always ${at}`);
    });
  }
  return all;
};

/** A transition as an inspector sees it taken. */
export interface TakenTransition {
  readonly source: AnyStateNode;
  readonly eventType: string;
}

/** The name that `declaredTransitions` gives it. */
export const takenName = (taken: TakenTransition): string => {
  const { source, eventType } = taken;
  return eventType === ""
    ? `${source.id} always ${source.always?.indexOf(taken as never)}`
    : `${source.id} ${eventType} ${source.transitions.get(eventType)?.indexOf(taken as never)}`;
};

const inertClock = { setTimeout: () => 0, clearTimeout: () => {} };

/** Walks a path on a live machine whose actors never answer by themselves; returns the names of the transitions taken. */
export const walk = (machine: AnyStateMachine, input: unknown, events: readonly ModelEvent[]): Set<string> => {
  const taken = new Set<string>();
  const actor = createActor(
    machine as never,
    {
      input,
      clock: inertClock,
      inspect: (event: { type: string; rootId: string; actorRef: { sessionId: string }; _transitions?: TakenTransition[] }) => {
        if (event.type === "@xstate.microstep" && event.actorRef.sessionId === event.rootId)
          for (const transition of event._transitions ?? []) taken.add(takenName(transition));
      },
    } as never,
  ) as { start(): void; send(event: unknown): void; stop(): void };
  actor.start();
  for (const event of events) actor.send(event);
  actor.stop();
  return taken;
};

const never = fromPromise<never, never>(() => new Promise<never>(() => {}));
/** The lease's chart with nothing behind it. */
export const inertLeaseWrites = leaseMachine.provide({
  actors: Object.fromEntries(Object.keys(leaseMachine.implementations.actors).map((name) => [name, never])) as never,
});

const newerBoot = { host: "elsewhere", pid: 1 };
const whileLeased = (event: ModelEvent) => (snapshot: LifecycleSnapshot) => (snapshot.context.isLeaseAlive ? [event] : []);
/** a fact of the lease, where `when` holds: some come only before its release was asked for, some only after */
const fact = (event: ModelEvent, when: (path: string) => boolean) => (snapshot: LifecycleSnapshot) =>
  snapshot.context.isLeaseAlive && when(statePath(snapshot)) ? [event] : [];
const beforeRelease = (path: string) => path !== "stopping.deregistering";
const afterRelease = (path: string) => path === "stopping.deregistering";

/** An entry that may exist while its lease, which broke, takes no events. */
export const isLeaseBroken = ({ context }: LifecycleSnapshot): boolean => context.begun.lease && !context.isLeaseAlive;
const spawn = { type: "companion.spawn", companion: { name: "other", input: {} }, count: 1 };
const whileRunning = (event: ModelEvent) => (snapshot: LifecycleSnapshot) => (statePath(snapshot) === "running" ? [event] : []);
/** what a hook's companion causes: it is spawned, ends or fails, and reports facts */
export const companionPayloads = {
  "companion.spawn": whileRunning(spawn),
  "xstate.done.actor.companion.*": whileRunning({ type: "xstate.done.actor.companion.other.1" }),
  "xstate.error.actor.companion.*": whileRunning({ type: "xstate.error.actor.companion.other.1", error: new Error("model") }),
  ...Object.fromEntries(
    ["gained", "lost", "released", "abandoned"].map((kind) => [
      `leadership.${kind}`,
      whileRunning({ type: `leadership.${kind}`, name: "model", fence: 1, reason: "model" }),
    ]),
  ),
};

/** What a tier has beside the three hooks. */
export interface TierParts {
  readonly hasOnDrain?: boolean;
}

/** `onDrain` has been called and has not ended. */
export const isDrainHookOpen = (snapshot: LifecycleSnapshot): boolean =>
  snapshot.context.begun.drain && stateName(snapshot) === "stopping";

/** The lifecycle chart as a model, for one configuration. */
export const lifecycleModel = (
  settings: Partial<LifecycleSettings>,
  { hasOnDrain = false }: TierParts = {},
): Model<LifecycleSnapshot> => ({
  machine: silentLifecycle,
  input: { settings: { pingAttempts: 2, ...settings }, now: () => 0, random: () => 0.5 } satisfies LifecycleInput,
  key: ({ value, context }) => [
    value,
    context.begun,
    context.isLeaseAlive,
    context.degraded,
    context.attempt,
    context.cause?.outcome,
    context.failures.length > 0,
  ],
  place: (snapshot) => `${statePath(snapshot)}${isLeaseBroken(snapshot) ? ", lease broken" : ""}`,
  payloads: {
    ...companionPayloads,
    "lease.*": fact({ type: "lease.suspect", reason: "model" }, (path) => beforeRelease(path) && path !== "registering"),
    "lease.held": fact({ type: "lease.held" }, beforeRelease),
    "lease.lost": fact({ type: "lease.lost", reason: "model" }, beforeRelease),
    "lease.regained": fact({ type: "lease.regained" }, (path) => beforeRelease(path) && path !== "registering"),
    "lease.superseded": whileLeased({ type: "lease.superseded", twin: newerBoot }),
    "lease.released": fact({ type: "lease.released" }, afterRelease),
    "lease.abandoned": fact({ type: "lease.abandoned", reason: "model" }, afterRelease),
    "xstate.error.actor.lease": whileLeased({ type: "xstate.error.actor.lease", error: new Error("model") }),
    shutdown: () => [
      { type: "shutdown", reason: "model" },
      { type: "shutdown", reason: "model", error: new Error("model") },
    ],
    "error.late": () => [{ type: "error.late", error: new Error("model") }],
    "hook.failed": ({ context }) =>
      context.begun.tier
        ? [{ type: "hook.failed", failure: { phase: "starting", code: "SG_ERR_START_FAILED", message: "model" } }]
        : [],
    "drain.owed": ({ context }) => (hasOnDrain && !context.begun.drain ? [{ type: "drain.owed" }] : []),
    "xstate.done.actor.announceTier": (snapshot) =>
      isDrainHookOpen(snapshot) ? [{ type: "xstate.done.actor.announceTier" }] : [],
    "xstate.error.actor.announceTier": (snapshot) =>
      isDrainHookOpen(snapshot) ? [{ type: "xstate.error.actor.announceTier", error: new Error("model") }] : [],
    "release.owed": ({ context }) => (context.begun.tier ? [{ type: "release.owed" }] : []),
    "phase.began": ({ context }) => (context.begun.tier ? [{ type: "phase.began", phase: "starting.tools" }] : []),
    "phase.ended": ({ context }) =>
      context.begun.tier ? [{ type: "phase.ended", phase: "starting.tools", outcome: "done" }] : [],
  },
});

const answers = (type: string) => () =>
  [{ type: "ok" }, { type: "gone" }, { type: "superseded", twin: newerBoot }].map((output) => ({ type, output }));

/** The lease chart as a model. */
export const leaseModel = (): Model => ({
  machine: inertLeaseWrites,
  input: {
    parent: createEmptyActor(),
    status: "starting",
    times: { heartbeatMs: 1, leaseTtlMs: 3, writeTimeoutMs: 1, leaseRetryMs: 1 },
    now: () => 0,
    epochNow: () => 0,
    random: () => 0.5,
  },
  key: ({ value, context }) => [value, context.wanted, context.sent, context.written],
  place: (snapshot) => {
    const { wanted, sent, written } = snapshot.context;
    return `${statePath(snapshot)} (wanted ${wanted}, sent ${sent ?? "nothing"}, written ${written ?? "nothing"})`;
  },
  payloads: {
    status: () => [{ type: "status", status: "running" }],
    "xstate.done.actor.registerInstance": answers("xstate.done.actor.registerInstance"),
    "xstate.done.actor.renewLease": answers("xstate.done.actor.renewLease"),
  },
});

/** The configurations that together show every arrow of the lifecycle. */
export const lifecycleVariants: readonly (TierParts & {
  readonly name: string;
  readonly settings: Partial<LifecycleSettings>;
})[] = [
  { name: "Redis required", settings: {} },
  { name: "Redis optional", settings: { redisRequired: false } },
  { name: "without Redis and health server", settings: { hasRedis: false, hasHealth: false } },
  { name: "without Redis, with health server", settings: { hasRedis: false } },
  { name: "without health server", settings: { hasHealth: false } },
  { name: "with a health server that closes last", settings: { closeHealth: "last" } },
  { name: "with a tier that has an onDrain", settings: { hasRedis: false }, hasOnDrain: true },
];
