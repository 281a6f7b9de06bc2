/** The processes of a fleet, each under its supervisor, and what is reported of them. */
import { closeSync, openSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { waitFor } from "xstate";
import type { SupervisorOutput, SupervisorSnapshot } from "../../machines/index.ts";
import type { Startable, Supervisor } from "../supervisor/index.ts";
import { startChild, supervise } from "../supervisor/index.ts";
import type { ServiceEnding, ServiceView, Writer } from "./facts.ts";
import { lastLineOf } from "./files.ts";
import type { Plan, PlannedService } from "./plan.ts";

/** The command line itself, built or not: children are `run` of the same program. */
const program = fileURLToPath(new URL(`../cli/main${extname(import.meta.url)}`, import.meta.url));

export interface FleetOptions {
  readonly plan: Plan;
  readonly redisUrl: string;
  /** folder of the logs; without one they are let go */
  readonly logs: string | undefined;
  readonly writer: Writer;
  /** called when a service is started elsewhere than it was planned */
  readonly onMoved: () => void;
}

export interface Fleet {
  /** Resolves when every service has been running; rejects if one ends before. */
  readonly ready: Promise<void>;
  /** Settles when no process is left and none will be started. */
  readonly ended: Promise<unknown>;
  views(): readonly ServiceView[];
  /** One SIGTERM to each, SIGKILL to whatever outlives its budget, or at once when `forced` aborts. Resolves when all have gone. */
  stop(forced: AbortSignal): Promise<readonly ServiceEnding[]>;
  /** SIGKILL to all; for the way out of an error. */
  kill(): Promise<unknown>;
}

interface Member {
  readonly name: string;
  /** where it is to be found now */
  planned(): PlannedService;
  readonly supervisor: Supervisor;
  readonly log: string | undefined;
}

/** Where a service is: in its own chart while its process lives, else in its supervisor's. */
const phaseOf = (snapshot: SupervisorSnapshot): string =>
  snapshot.hasTag("alive") ? snapshot.context.phase || "init" : String(snapshot.value);

const viewOf = ({ planned, supervisor }: Member, since: number): ServiceView => {
  const snapshot = supervisor.actor.getSnapshot();
  const phase = phaseOf(snapshot);
  const { name, tier, healthPort, port } = planned();
  const { restarts, trouble } = snapshot.context;
  const pid = snapshot.hasTag("alive") ? supervisor.pid : undefined;
  return { name, tier, state: phase.split(".")[0] ?? phase, phase, since, pid, healthPort, port, restarts, trouble };
};

const isSame = (one: ServiceView, other: ServiceView): boolean => one.phase === other.phase && one.pid === other.pid;

/** What the service itself says of its end; one that could not say it has written it, as a rule. */
const causeOf = ({ supervisor, log }: Member): string =>
  supervisor.actor.getSnapshot().context.report?.error ?? (log === undefined ? "" : lastLineOf(log));

/** Reports each phase that the service comes to. */
const report = (member: Member, writer: Writer): void => {
  let told = viewOf(member, Date.now());
  member.supervisor.actor.subscribe(() => {
    const service = viewOf(member, Date.now());
    if (isSame(service, told)) return;
    told = service;
    writer.write({ type: "service.changed", service });
    if (service.state === "givenUp") {
      writer.write({ type: "service.lost", service, cause: causeOf(member) });
    }
  });
};

/** It had not said a word when the signal met it, or was not there yet: nothing had begun, so nothing was left undone. */
const wasUnborn = ({ supervisor }: Member, { exit, report }: SupervisorOutput): boolean =>
  exit?.code === null &&
  (exit.signal === "SIGTERM" || exit.signal === null) &&
  report === undefined &&
  supervisor.actor.getSnapshot().context.phase === "";

const isOk = (member: Member, output: SupervisorOutput): boolean => {
  const { end, exit } = output;
  if (end !== "stopped" && end !== "ended") return false;
  return exit === undefined || exit.code === 0 || wasUnborn(member, output);
};

const endingOf = (member: Member, output: SupervisorOutput): ServiceEnding => {
  const { end, exit, report, trouble, stopMs } = output;
  const ok = isOk(member, output);
  const rest = { name: member.name, exitCode: exit?.code ?? null, ms: stopMs, ok };
  if (end === "givenUp" || end === "killed") {
    const reason = [trouble, report?.error].filter(Boolean).join(": ") || "on a second signal";
    return { ...rest, outcome: end === "killed" ? "killed" : "given up", reason };
  }
  const outcome = report?.outcome ?? (ok ? "shutdown" : "failed");
  return { ...rest, outcome, reason: report?.error ?? report?.reason ?? (trouble || "before it had started") };
};

/** Starts it where it was planned, or, if somebody has taken that meanwhile, where there is room. */
const starterOf = (name: string, descriptor: number | undefined, options: FleetOptions): Startable["start"] => {
  const { plan, redisUrl, writer, onMoved } = options;
  return async (hear, signal) => {
    const stepped = await plan.renew(name);
    signal.throwIfAborted();
    for (const { whose, taken, port } of stepped) writer.write({ type: "port.taken", whose, taken, port });
    if (stepped.length > 0) onMoved();
    const { tier, env } = plan.service(name);
    const own = { ...env, REDIS_URL: redisUrl };
    return startChild({ command: process.execPath, args: [program, "run", tier], env: own, log: descriptor }, hear);
  };
};

/** Starts them all at once; the charts see to the rest. */
export const startFleet = (options: FleetOptions): Fleet => {
  const { plan, logs, writer } = options;
  const open: number[] = [];
  const members = plan.services.map(({ name }): Member => {
    const log = logs === undefined ? undefined : join(logs, `${name}.log`);
    const descriptor = log === undefined ? undefined : openSync(log, "a", 0o600);
    if (descriptor !== undefined) open.push(descriptor);
    const supervisor = supervise({ name, start: starterOf(name, descriptor, options) });
    return { name, log, planned: () => plan.service(name), supervisor };
  });
  for (const member of members) report(member, writer);
  const supervisors = members.map(({ supervisor }) => supervisor);
  const ended = Promise.all(supervisors.map((supervisor) => supervisor.ended)).finally(() => {
    for (const descriptor of open.splice(0)) closeSync(descriptor);
  });
  const ready = Promise.all(supervisors.map(({ actor }) => waitFor(actor, (snapshot) => snapshot.matches("up"))));
  return {
    ended,
    ready: ready.then(() => {}),
    views: () => members.map((member) => viewOf(member, Date.now())),
    stop: async (forced) => {
      const outputs = await stopAll(supervisors, forced);
      return members.map((member, index) => endingOf(member, outputs[index]!));
    },
    kill: () => Promise.allSettled(supervisors.map((supervisor) => supervisor.kill())),
  };
};

const stopAll = async (supervisors: readonly Supervisor[], forced: AbortSignal): Promise<SupervisorOutput[]> => {
  const kill = () => {
    for (const supervisor of supervisors) supervisor.kill();
  };
  const stopped = Promise.all(supervisors.map((supervisor) => supervisor.stop()));
  if (forced.aborted) kill();
  forced.addEventListener("abort", kill, { once: true });
  return stopped.finally(() => forced.removeEventListener("abort", kill));
};
