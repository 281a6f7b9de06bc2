/** Many services on one machine, without a terminal: `startFleet` is what `stargazer up` does. */
import { resolve } from "node:path";
import { createActor, fromPromise, waitFor } from "xstate";
import type { FleetActor, FleetFact, FleetOutput, FleetRequest, ServiceEnding } from "../../machines/index.ts";
import { fleetMachine } from "../../machines/index.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { signalExitCode } from "../process.ts";
import { countProblem, countsOf } from "./counts.ts";
import type { FleetNote } from "./note.ts";
import type { OwnService } from "./own-services.ts";
import { ownProblems } from "./own-services.ts";
import { planFleet } from "./plan.ts";
import { redis } from "./redis.ts";
import { services } from "./services.ts";

const machine = fleetMachine.provide({
  actors: {
    planFleet: fromPromise(({ input, signal }) => planFleet(input, { signal })),
    redis,
    services,
    removeFolder: fromPromise(async ({ input: { folder, keepLogs } }) => folder?.remove({ keepLogs })),
  },
});

export type { FleetFact, RedisView, ServiceEnding, ServiceView } from "../../machines/index.ts";

export interface FleetOptions {
  /** How many processes of each tier: `{ inference: 3, web: 0 }`. Default: one of each. */
  readonly tiers?: Readonly<Record<string, number>>;
  /**
   * Services of your own beside those tiers, each a module as `stargazer run` takes it; with them the default of `tiers` is none. Each
   * process has the name on the board as its instance id, unless its program gives one.
   */
  readonly services?: readonly OwnService[];
  /** URL of the Redis to use. Default: `REDIS_URL`, else one of the fleet's own, which is gone with the fleet. */
  readonly redis?: string | undefined;
}

/** How a fleet ended. */
export interface FleetEnding {
  /** how each service stopped, in the order of the plan; a Redis of the fleet's own only where it was given up */
  readonly services: readonly ServiceEnding[];
  /** 0 where every service ended as it should, else 1; 128 + the signal's number after `force` */
  readonly exitCode: number;
}

/** A fleet that was started. */
export interface Fleet {
  /** The chart's actor, to look at: `getSnapshot`, `subscribe`. */
  readonly actor: FleetActor;
  /**
   * Resolves when every service is running. Rejects with the error of `ended`, and with `SG_ERR_BOOT_ABORTED` where the fleet stopped
   * before it was ready. A rejection that nothing handles is not reported.
   */
  readonly ready: Promise<void>;
  /**
   * Resolves when nothing of the fleet is left: no process, no Redis of its own, no folder but that of the logs where something
   * failed. Rejects, with nothing left either, where there was no fleet: `SG_ERR_CONFIG_INVALID` with every problem of the options and
   * the environment, `SG_ERR_REDIS_UNREACHABLE`, `SG_ERR_REDIS_SERVER_MISSING`, else `SG_ERR_FAILED`.
   */
  readonly ended: Promise<FleetEnding>;
  /** Stops the services, each with one SIGTERM, then Redis. Legal in any state; a second call changes nothing. Returns `ended`. */
  stop(reason?: string): Promise<FleetEnding>;
  /** Kills every process that still lives, also while the fleet is stopping. Legal in any state. Returns `ended`. */
  force(signal?: NodeJS.Signals): Promise<FleetEnding>;
  /**
   * Calls `listener` with every fact from now on, in order, until the returned function is called. No fact is emitted before the turn
   * in which `startFleet` was called is over. A listener that throws is an uncaught exception; the fleet goes on.
   */
  on(listener: (fact: FleetFact) => void): () => void;
}

/**
 * Starts a fleet on this machine: a Redis, unless one is named, and a process for each service, restarted when it fails. A service
 * is registered under its name on the board: `web`, `inference-2`; on a Redis that is named, with six characters of this fleet's
 * after it, so that two fleets on one Redis do not replace each other's entries. Throws `SG_ERR_CONFIG_INVALID` for tiers and counts
 * that do not exist; everything else is checked before anything is started, and rejects `ended`.
 */
export const startFleet = ({ tiers = {}, services: own = [], redis: url }: FleetOptions = {}): Fleet => {
  const request = requestOf(tiers, own, url);
  const actor = createActor(machine, { input: { request } });
  const startedAt = Date.now();
  const ended = endOf(actor);
  const ready = readyOf(actor, ended);
  for (const type of ["fleet.starting", "fleet.listening"] as const) actor.on(type, () => publish(actor, startedAt));
  ready.catch(() => {});
  ended.catch(() => {});
  actor.start();
  const send = (event: Parameters<FleetActor["send"]>[0]) => {
    if (actor.getSnapshot().can(event)) actor.send(event);
    return ended;
  };
  return {
    actor,
    ready,
    ended,
    stop: (reason = "stop") => send({ type: "stop", reason }),
    force: (signal = "SIGKILL") => send({ type: "force", reason: signal, exitCode: signalExitCode(signal) }),
    on: (listener) => {
      const subscription = actor.on("*", listener);
      return () => subscription.unsubscribe();
    },
  };
};

const requestOf = (
  tiers: Readonly<Record<string, number>>,
  own: readonly OwnService[],
  redis: string | undefined,
): FleetRequest => {
  if (own.length === 0) return { counts: countsOf(tiers), redis };
  const problems = [...ownProblems(own), ...Object.entries(tiers).flatMap(([tier, count]) => countProblem(tier, count) ?? [])];
  if (problems.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", `${problems.join("; ")}.`);
  const counts = new Map([...Object.entries(tiers), ...own.map(({ name, replicas }) => [name, replicas] as const)]);
  return { counts, redis, modules: new Map(own.map(({ name, module }) => [name, resolve(module)])) };
};

const errorOf = (thrown: unknown): StargazerError =>
  thrown instanceof StargazerError ? thrown : new StargazerError("SG_ERR_FAILED", messageOf(thrown), { cause: thrown });

const endOf = (actor: FleetActor): Promise<FleetEnding> =>
  new Promise((resolve, reject) => {
    const complete = () => {
      const { endings, exitCode, failure } = actor.getSnapshot().output as FleetOutput;
      if (failure === undefined) resolve({ services: endings, exitCode });
      else reject(errorOf(failure.error));
    };
    actor.subscribe({ complete, error: (error) => reject(errorOf(error)) });
  });

const readyOf = async (actor: FleetActor, ended: Promise<unknown>): Promise<void> => {
  const { value } = await waitFor(actor, (snapshot) => snapshot.matches("ready") || snapshot.status !== "active");
  if (value === "ready") return;
  await ended;
  throw new StargazerError("SG_ERR_BOOT_ABORTED", "the fleet stopped before all of its services were running");
};

/** Writes for other shells where the fleet is. */
const publish = (actor: FleetActor, startedAt: number): void => {
  const { plan, redis: provided, addresses } = actor.getSnapshot().context;
  if (plan.folder === undefined || provided === undefined) return;
  try {
    const { token } = plan;
    const note: FleetNote = {
      pid: process.pid,
      redisUrl: provided.url,
      token,
      startedAt,
      cwd: process.cwd(),
      ...addresses,
    };
    plan.folder.publish(note);
  } catch (error) {
    actor.send({ type: "notice", message: `other shells cannot find this fleet: ${messageOf(error)}` });
  }
};
