/**
 * A fleet on one machine: its Redis, and a supervised process for each of its services.
 *
 *   planning -> providingRedis -> starting -> ready -> stopping -> stopped
 *
 * Redis is the first to come and the last to go. Two actors span the states: `redis` provides and keeps the Redis, `services` keeps
 * the supervisors. `stop` has an arrow in every state before `stopping`, `force` also within it: what still lives is then killed.
 *
 * The arrows that do not exist: nothing leads from `stopping` back, and no service is started before Redis has answered.
 */
import type { ActorRefFrom, CallbackActorLogic, SnapshotFrom } from "xstate";
import { assign, emit, enqueueActions, sendTo, setup, spawnChild, stopChild } from "xstate";
import { declared, declaredCallback } from "./actor.ts";

/** One service of the plan: a process of a tier. */
export interface PlannedService {
  /** on the board, in the registry (as its instance) and of its log file */
  readonly name: string;
  /** `inference`, `gateway`: an entry of the list of tiers; for a module the name that its replicas share */
  readonly tier: string;
  /** the path of a user's own module; undefined for a tier */
  readonly module?: string | undefined;
}

/** A Redis that was named by a caller, a variable or another fleet. */
export interface RedisPlace {
  /** may hold a password */
  readonly url: string;
  /** the URL without its password */
  readonly label: string;
  readonly from: "--redis" | "REDIS_URL" | "up" | "default";
}

/** The folder of a run: its logs, and the note by which other shells find the fleet. */
export interface RunFolder {
  readonly path: string;
  /** Writes the note, and writes it again where it was removed. Throws where it cannot be written. */
  publish(note: object): void;
  /** No shell finds the fleet any more; nothing is left of the folder but, with `keepLogs`, the logs. */
  remove(options: { readonly keepLogs: boolean }): Promise<void>;
}

/** What a fleet is going to be. */
export interface FleetPlan {
  readonly services: readonly PlannedService[];
  /** undefined for a Redis of the fleet's own */
  readonly redis: RedisPlace | undefined;
  /** undefined where there can be no such folder */
  readonly folder: RunFolder | undefined;
  /** the secret that requests to the fleet's page and gateways have to carry; its services are given it by environment */
  readonly token: string;
  /** what the plan has to do without, as a sentence */
  readonly notice: string | undefined;
}

/** The Redis of a fleet, once it has answered. */
export interface FleetRedis {
  /** may hold a password */
  readonly url: string;
  /** the URL without its password */
  readonly label: string;
  /** started by this fleet, and stopped with it */
  readonly isOwn: boolean;
}

/**
 * Where the first service of each tier with HTTP of its own listens: URLs for a browser on this machine. That of the page is the link
 * to open: the fleet's token is in its fragment.
 */
export interface FleetAddresses {
  readonly gateway?: string;
  readonly web?: string;
}

/** One service as a board shows it. */
export interface ServiceView extends PlannedService {
  /** the service's own state while its process lives, else its supervisor's: `backingOff`, `givenUp`, `ended`, `stopped` */
  readonly state: string;
  /** the state with the phase within it: `starting.tools` */
  readonly phase: string;
  /** when this phase began, ms since the epoch */
  readonly since: number;
  readonly pid: number | undefined;
  /** where it listens; undefined where no process does */
  readonly healthPort: number | undefined;
  readonly port: number | undefined;
  readonly restarts: number;
  /** ms from `since` until another process is started; null while one lives, and where none is started any more */
  readonly nextTryMs: number | null;
  /** how the last process ended */
  readonly trouble: string;
  /** while no process runs: what the last one reported as its failure, else the error in its log; empty where that is not known */
  readonly cause: string;
}

/** The fleet's own Redis as a board shows it. */
export interface RedisView {
  /** `running`, or its supervisor's state: `backingOff`, `givenUp` */
  readonly state: string;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly trouble: string;
}

/** How one service stopped. */
export interface ServiceEnding {
  readonly name: string;
  /** `shutdown`, `completed`, `failed`; `killed` and `given up` where the service itself reported nothing */
  readonly outcome: string;
  readonly reason: string;
  readonly exitCode: number | null;
  /** ms from SIGTERM to the exit; 0 without a SIGTERM */
  readonly ms: number;
  /** whether it ended as it should */
  readonly ok: boolean;
}

/** What a fleet reports, in order. */
export type FleetFact =
  /** something that the fleet does without, or that it opens to other machines; `message` is a sentence */
  | { type: "notice"; message: string }
  /** Redis has answered and the processes are started */
  | { type: "fleet.starting"; redis: string; isOwnRedis: boolean; logs?: string; services: readonly ServiceView[] }
  /** a service listens on another port than the one that was asked for */
  | { type: "port.taken"; whose: string; taken: readonly number[]; port: number }
  /** the first service of a tier with HTTP of its own listens, or listens elsewhere; `url` is for a browser on this machine */
  | { type: "fleet.listening"; tier: keyof FleetAddresses; url: string }
  /** a service has another phase or another process */
  | { type: "service.changed"; service: ServiceView }
  /** a service was given up; `cause` is what it reported itself; it is started again after `retryMs`, which the last of a fleet does not have */
  | { type: "service.lost"; service: ServiceView; cause: string; retryMs?: number }
  /** the fleet's own Redis was lost, has been restarted, or was given up */
  | { type: "redis.changed"; redis: RedisView }
  /** every service is running; `ms` since this process began */
  | ({ type: "fleet.ready"; ms: number } & FleetAddresses)
  /** the services are stopped from now on */
  | { type: "fleet.stopping"; reason: string }
  /** nothing of the fleet is left; `logs` where something went wrong */
  | { type: "fleet.stopped"; services: readonly ServiceEnding[]; exitCode: number; logs?: string };

/** A caller's commands. `force` kills what still lives; its `exitCode` replaces the one that the services give. */
export type FleetCommand = { type: "stop"; reason: string } | { type: "force"; reason: string; exitCode: number };

/** What the actor `redis` sends. After `redis.ended` nothing is left of it, after `redis.failed` there is no Redis. */
export type RedisFact =
  | { type: "redis.provided"; redis: FleetRedis }
  | { type: "redis.failed"; error: unknown }
  | Extract<FleetFact, { type: "redis.changed" | "notice" }>
  | { type: "redis.lost" }
  | { type: "redis.ended"; ending: ServiceEnding | undefined };

/** What the actor `services` sends. After `services.ended` no process is left. */
export type ServicesFact =
  | { type: "services.started"; services: readonly ServiceView[] }
  | { type: "services.ready" }
  | { type: "services.ended"; endings: readonly ServiceEnding[] }
  | { type: "services.failed"; error: unknown }
  | Extract<FleetFact, { type: "port.taken" | "fleet.listening" | "service.changed" | "service.lost" | "notice" }>;

/** Every event that the chart takes: a caller's commands, and what its two actors send. */
export type FleetEvent = FleetCommand | RedisFact | ServicesFact;

/** What the chart sends to the actor `redis`. */
export type RedisCommand = { readonly type: "stop" };
/** What the chart sends to the actor `services`. */
export type ServicesCommand = { readonly type: "stop" } | { readonly type: "kill" };

/** What a caller wants; the plan is made from it. */
export interface FleetRequest {
  /** how many processes of each tier and of each module, in the order of boot */
  readonly counts: ReadonlyMap<string, number>;
  /** the path of each module, by its name in `counts` */
  readonly modules?: ReadonlyMap<string, string> | undefined;
  /** URL of the Redis to use; undefined for that of the environment, or one of the fleet's own */
  readonly redis: string | undefined;
}

/** What the actor `redis` is spawned with: the Redis that was named, or undefined where the fleet is to start its own. */
export interface RedisInput {
  readonly named: RedisPlace | undefined;
  /** whether modules of a user's own are among the services, whose keys and commands are their own */
  readonly isShared: boolean;
}

/** What the actor `services` is spawned with. The URL may hold a password. */
export interface ServicesInput {
  readonly plan: FleetPlan;
  readonly redisUrl: string;
}

/** What `removeFolder` gets at the end. `keepLogs` is true where something went wrong. */
export interface FolderInput {
  readonly folder: RunFolder | undefined;
  readonly keepLogs: boolean;
}

/** All in ms. */
export interface FleetSettings {
  /** for making the plan */
  readonly planTimeoutMs: number;
  /** from asking for Redis until its first answer */
  readonly askTimeoutMs: number;
  /** from stopping Redis until it has ended */
  readonly endTimeoutMs: number;
  /** from the SIGTERM of all services until those that still live are killed; longer than a supervisor's own deadlines */
  readonly stopTimeoutMs: number;
  /** from the SIGKILL of the services until all have exited */
  readonly killTimeoutMs: number;
  /** for removing the run folder */
  readonly folderTimeoutMs: number;
}

/** The deadlines of a fleet without settings of its own, in ms. */
export const defaultFleetSettings: FleetSettings = {
  planTimeoutMs: 15_000,
  askTimeoutMs: 15_000,
  endTimeoutMs: 15_000,
  stopTimeoutMs: 40_000,
  killTimeoutMs: 10_000,
  folderTimeoutMs: 5000,
};

/** What a fleet is created with. `settings` replace single defaults. */
export interface FleetInput {
  readonly request: FleetRequest;
  readonly settings?: Partial<FleetSettings>;
  /** ms since this process began */
  readonly now?: () => number;
}

/** What the chart knows of its fleet. */
export interface FleetContext {
  readonly request: FleetRequest;
  readonly settings: FleetSettings;
  readonly now: () => number;
  readonly plan: FleetPlan;
  readonly redis: FleetRedis | undefined;
  readonly addresses: FleetAddresses;
  /** why the fleet stops; empty before it does */
  readonly reason: string;
  /** of the first `force` */
  readonly forced: number | undefined;
  readonly endings: readonly ServiceEnding[];
  /** why there is no fleet */
  readonly failure: { readonly error: unknown } | undefined;
}

/** What the chart ends with. `endings` has each service and, where it was the fleet's own, Redis. `failure` is why there was no fleet. */
export interface FleetOutput {
  readonly endings: readonly ServiceEnding[];
  /** 0 where every service ended as it should, 1 else; that of `force` where it was taken */
  readonly exitCode: number;
  readonly failure: { readonly error: unknown } | undefined;
}

const hasFailed = ({ endings }: FleetContext): boolean => endings.some(({ ok }) => !ok);
const exitCodeOf = (context: FleetContext): number => context.forced ?? (hasFailed(context) ? 1 : 0);
const logsOf = ({ plan }: FleetContext): { logs?: string } => (plan.folder === undefined ? {} : { logs: plan.folder.path });

const fleet = setup({
  types: {} as {
    context: FleetContext;
    events: FleetEvent;
    emitted: FleetFact;
    input: FleetInput;
    output: FleetOutput;
    children: { redis: "redis"; services: "services" };
  },
  actors: {
    planFleet: declared<FleetPlan, FleetRequest>("planFleet"),
    redis: declaredCallback<RedisCommand, RedisInput>("redis"),
    services: declaredCallback<ServicesCommand, ServicesInput>("services"),
    removeFolder: declared<void, FolderInput>("removeFolder"),
  },
  actions: {
    notePlan: assign({ plan: (_, params: { plan: FleetPlan }) => params.plan }),
    noteRedis: assign({ redis: (_, params: { redis: FleetRedis }) => params.redis }),
    noteAddress: assign({
      addresses: ({ context }, params: { tier: keyof FleetAddresses; url: string }) => ({
        ...context.addresses,
        [params.tier]: params.url,
      }),
    }),
    /** the first reason stays */
    noteReason: assign({ reason: ({ context }, params: { reason: string }) => context.reason || params.reason }),
    noteForce: assign({ forced: ({ context }, params: { exitCode: number }) => context.forced ?? params.exitCode }),
    noteEndings: assign({
      endings: ({ context }, params: { endings: readonly ServiceEnding[] }) => [...context.endings, ...params.endings],
    }),
    /** the first failure stays */
    noteFailure: assign({ failure: ({ context }, params: { error: unknown }) => context.failure ?? { error: params.error } }),
    beginRedis: spawnChild("redis", {
      id: "redis",
      input: ({ context: { plan } }) => ({
        named: plan.redis,
        isShared: plan.services.some(({ module }) => module !== undefined),
      }),
    }),
    stopRedis: sendTo("redis", { type: "stop" }),
    endRedis: stopChild("redis"),
    beginServices: spawnChild("services", {
      id: "services",
      input: ({ context }) => ({ plan: context.plan, redisUrl: context.redis!.url }),
    }),
    stopServices: sendTo("services", { type: "stop" }),
    killServices: sendTo("services", { type: "kill" }),
    endServices: stopChild("services"),
    report: emit((_, fact: FleetFact) => fact),
    reportStarting: emit(({ context }, params: { services: readonly ServiceView[] }) => ({
      type: "fleet.starting" as const,
      redis: context.redis!.label,
      isOwnRedis: context.redis!.isOwn,
      ...logsOf(context),
      services: params.services,
    })),
    reportReady: emit(({ context }) => ({
      type: "fleet.ready" as const,
      ms: Math.round(context.now()),
      ...context.addresses,
    })),
    reportStopping: emit(({ context }) => ({ type: "fleet.stopping" as const, reason: context.reason })),
    /** a fleet that could not be started is an error, not a fact */
    reportStopped: enqueueActions(({ context, enqueue }) => {
      if (context.failure !== undefined) return;
      const logs = hasFailed(context) ? logsOf(context) : {};
      enqueue.emit({ type: "fleet.stopped", services: context.endings, exitCode: exitCodeOf(context), ...logs });
    }),
    reportNotice: enqueueActions(({ context: { plan }, enqueue }) => {
      if (plan.notice !== undefined) enqueue.emit({ type: "notice", message: plan.notice });
    }),
  },
  guards: {
    hasToStop: ({ context }) => context.reason !== "",
  },
  delays: {
    planTimeout: ({ context }) => context.settings.planTimeoutMs,
    askTimeout: ({ context }) => context.settings.askTimeoutMs,
    endTimeout: ({ context }) => context.settings.endTimeoutMs,
    stopTimeout: ({ context }) => context.settings.stopTimeoutMs,
    killTimeout: ({ context }) => context.settings.killTimeoutMs,
    folderTimeout: ({ context }) => context.settings.folderTimeoutMs,
  },
});

/* ---- the shorthands of the states below ---- */
type EventOf<Type extends FleetEvent["type"]> = { event: Extract<FleetEvent, { type: Type }> };
const fact = <Type extends Extract<FleetEvent, FleetFact>["type"]>() => ({
  type: "report" as const,
  params: ({ event }: EventOf<Type>) => event as FleetFact,
});
const notePlan = { type: "notePlan" as const, params: ({ event }: { event: { output: FleetPlan } }) => ({ plan: event.output }) };
const noteReason = { type: "noteReason" as const, params: ({ event }: EventOf<"stop" | "force">) => event };
const noteForce = { type: "noteForce" as const, params: ({ event }: EventOf<"force">) => event };
const noteEndings = { type: "noteEndings" as const, params: ({ event }: EventOf<"services.ended">) => event };
const noteRedisEnding = {
  type: "noteEndings" as const,
  params: ({ event }: EventOf<"redis.ended">) => ({ endings: event.ending === undefined ? [] : [event.ending] }),
};
const noteFailure = { type: "noteFailure" as const, params: ({ event }: { event: { error: unknown } }) => event };
const because = (reason: string) => ({ type: "noteReason" as const, params: { reason } });
const overdue = (what: string) => ({ type: "noteFailure" as const, params: { error: new Error(what) } });

/** While services are there: what has all of them stopped. */
const whileServicesLive = {
  stop: { target: "#fleet.stopping.services", actions: [noteReason, "reportStopping"] },
  force: { target: "#fleet.stopping.killing", actions: [noteReason, noteForce, "reportStopping"] },
  "redis.lost": { target: "#fleet.stopping.services", actions: [because("its Redis was given up"), "reportStopping"] },
  "services.ended": {
    target: "#fleet.stopping.redis",
    actions: [noteEndings, because("no service is left"), "reportStopping"],
  },
  "services.failed": { target: "#fleet.stopping.killing", actions: noteFailure },
} as const;

/** The chart of a fleet. A host provides `planFleet`, `redis`, `services` and `removeFolder`; without them an actor fails. */
export const fleetMachine = fleet.createMachine({
  id: "fleet",
  description: "Many services on one machine: first Redis, then a process for each service; stopped in the reverse order.",
  context: ({ input }) => ({
    request: input.request,
    settings: { ...defaultFleetSettings, ...input.settings },
    now: input.now ?? (() => performance.now()),
    plan: { services: [], redis: undefined, folder: undefined, token: "", notice: undefined },
    redis: undefined,
    addresses: {},
    reason: "",
    forced: undefined,
    endings: [],
    failure: undefined,
  }),
  initial: "planning",
  on: {
    notice: { actions: fact<"notice">() },
    "port.taken": { actions: fact<"port.taken">() },
    "service.changed": { actions: fact<"service.changed">() },
    "service.lost": { actions: fact<"service.lost">() },
    "redis.changed": { actions: fact<"redis.changed">() },
    "fleet.listening": {
      actions: [{ type: "noteAddress", params: ({ event }) => event }, fact<"fleet.listening">()],
    },
  },
  states: {
    planning: {
      description: "Every setting is checked, and the folder of the run is opened. Nothing has been started.",
      meta: { waitsFor: "the plan", deadline: "planTimeout" },
      on: { stop: { actions: noteReason }, force: { actions: [noteReason, noteForce] } },
      invoke: {
        src: "planFleet",
        id: "planFleet",
        input: ({ context }) => context.request,
        onDone: [
          { guard: "hasToStop", target: "stopping.removing", actions: [notePlan, "reportNotice", "reportStopping"] },
          { target: "providingRedis", actions: [notePlan, "reportNotice"] },
        ],
        onError: { target: "stopped", actions: noteFailure },
      },
      after: { planTimeout: { target: "stopped", actions: overdue("the fleet could not be planned within planTimeoutMs") } },
    },
    providingRedis: {
      description: "The Redis that was named is asked, or one of the fleet's own is started.",
      meta: { waitsFor: "the first answer of Redis", deadline: "askTimeout" },
      entry: "beginRedis",
      on: {
        "redis.provided": {
          target: "starting",
          actions: { type: "noteRedis", params: ({ event }) => event },
        },
        "redis.failed": { target: "stopping.removing", actions: noteFailure },
        stop: { target: "stopping.redis", actions: [noteReason, "reportStopping"] },
        force: { target: "stopping.redis", actions: [noteReason, noteForce, "reportStopping"] },
      },
      after: { askTimeout: { target: "stopping.redis", actions: overdue("Redis did not answer within askTimeoutMs") } },
    },
    starting: {
      description: "Every service has a process of its own; at least one of them is not yet running.",
      meta: { waitsFor: "all services to be running; each has a deadline of its own" },
      entry: "beginServices",
      on: {
        ...whileServicesLive,
        "services.started": { actions: { type: "reportStarting", params: ({ event }) => event } },
        "services.ready": "ready",
      },
    },
    ready: {
      description: "Every service has been running; what fails is restarted.",
      meta: { waitsFor: "a caller's stop, the end of all services, or the loss of Redis" },
      entry: "reportReady",
      on: whileServicesLive,
    },
    stopping: {
      description: "The services go first, then Redis, then the folder.",
      on: { force: { actions: noteForce } },
      initial: "services",
      states: {
        services: {
          description: "Every service has got one SIGTERM.",
          meta: { waitsFor: "the exit of all services", deadline: "stopTimeout" },
          entry: "stopServices",
          on: {
            force: { target: "killing", actions: noteForce },
            "services.ended": { target: "redis", actions: noteEndings },
          },
          after: { stopTimeout: "killing" },
        },
        killing: {
          description: "Every service that still lives has got SIGKILL.",
          meta: { waitsFor: "the exit of services that were killed", deadline: "killTimeout" },
          entry: "killServices",
          on: { "services.ended": { target: "redis", actions: noteEndings } },
          after: { killTimeout: "redis" },
        },
        redis: {
          description: "No service is left; a Redis of the fleet's own is stopped.",
          meta: { waitsFor: "the end of Redis", deadline: "endTimeout" },
          entry: ["endServices", "stopRedis"],
          on: {
            "redis.ended": { target: "removing", actions: noteRedisEnding },
            "redis.failed": "removing",
          },
          after: { endTimeout: "removing" },
        },
        removing: {
          description: "The folder of the run is removed; its logs stay where something failed.",
          meta: { waitsFor: "the folder to be removed", deadline: "folderTimeout" },
          entry: "endRedis",
          invoke: {
            src: "removeFolder",
            id: "removeFolder",
            input: ({ context }) => ({
              folder: context.plan.folder,
              keepLogs: context.failure !== undefined || hasFailed(context),
            }),
            onDone: "#fleet.stopped",
            onError: "#fleet.stopped",
          },
          after: { folderTimeout: "#fleet.stopped" },
        },
      },
    },
    stopped: { description: "Nothing of the fleet is left.", type: "final", entry: "reportStopped" },
  },
  output: ({ context }) => ({ endings: context.endings, exitCode: exitCodeOf(context), failure: context.failure }),
} satisfies Parameters<typeof fleet.createMachine>[0]);

/** The type of the fleet chart. */
export type FleetMachine = typeof fleetMachine;
/** Where a fleet is: `value` and `context`. */
export type FleetSnapshot = SnapshotFrom<FleetMachine>;
/** A running fleet. */
export type FleetActor = ActorRefFrom<FleetMachine>;
/** The actor `redis` that a host provides: it starts or finds the Redis, and reports in `RedisFact`s. */
export type RedisLogic = CallbackActorLogic<RedisCommand, RedisInput>;
/** The actor `services` that a host provides: one supervised process for each service, reported in `ServicesFact`s. */
export type ServicesLogic = CallbackActorLogic<ServicesCommand, ServicesInput>;
