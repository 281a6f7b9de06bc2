/** The supervisor chart over a real child process. */
import { createActor, fromPromise } from "xstate";
import type {
  ChildExit,
  ChildReport,
  StartAnswer,
  SupervisorActor,
  SupervisorOutput,
  SupervisorSettings,
} from "../../machines/index.ts";
import { supervisorMachine } from "../../machines/index.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { ServiceMessage } from "../process.ts";
import type { Child, Startable } from "./child.ts";

export interface SupervisorOptions {
  readonly settings?: Partial<SupervisorSettings>;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface Supervisor {
  readonly name: string;
  /** to look, not to touch */
  readonly actor: SupervisorActor;
  /** of the child that was started last */
  readonly pid: number | undefined;
  /** Settles when no child is left and none will be started: it ended, was given up, or was stopped. */
  readonly ended: Promise<SupervisorOutput>;
  /** Any state, any number of times: one SIGTERM, SIGKILL after its budget. Resolves like `ended`. */
  stop(): Promise<SupervisorOutput>;
  /** Any state: SIGKILL now. Resolves like `ended`. */
  kill(): Promise<SupervisorOutput>;
}

const nothing: ChildExit = { code: null, signal: null };

/** The child's side of the chart: each actor is one step of the child that is there now. */
const childOf = (startable: Startable, hear: (message: ServiceMessage) => void) => {
  let child: Child | undefined;
  const start = async (signal: AbortSignal): Promise<StartAnswer> => {
    let sayUp = (): void => {};
    const up = new Promise<StartAnswer>((resolve) => {
      sayUp = () => resolve({ type: "up" });
    });
    const started = await startable.start((message) => {
      hear(message);
      if (message.type === "state" && message.state === "running") sayUp();
    }, signal);
    if (signal.aborted) started.kill();
    child = started;
    return Promise.race([up, started.exited.then((exit) => ({ type: "exited" as const, ...exit }))]);
  };
  const gone = () => child?.exited ?? Promise.resolve(nothing);
  const actors = {
    startChild: fromPromise<StartAnswer>(({ signal }) => start(signal)),
    watchChild: fromPromise<ChildExit>(gone),
    stopChild: fromPromise<ChildExit>(() => {
      child?.terminate();
      return gone();
    }),
    killChild: fromPromise<ChildExit>(() => {
      child?.kill();
      return gone();
    }),
  };
  return { actors, pid: () => child?.pid, kill: () => child?.kill() };
};

const reportOf = ({ type: _, ...report }: Extract<ServiceMessage, { type: "report" }>): ChildReport => report;

/** Starts it at once and keeps it up until it is stopped, ends, or is given up. */
export const supervise = (startable: Startable, options: SupervisorOptions = {}): Supervisor => {
  const { settings = {}, clock = systemClock, random = Math.random } = options;
  const hear = (message: ServiceMessage): void => {
    if (actor.getSnapshot().status !== "active") return;
    if (message.type === "state") actor.send({ type: "child.said", phase: message.state });
    else actor.send({ type: "child.reported", report: reportOf(message) });
  };
  const child = childOf(startable, hear);
  const machine = supervisorMachine.provide({ actors: child.actors });
  const actor: SupervisorActor = createActor(machine, { clock, input: { settings, random, now: clock.now } });
  const ended = new Promise<SupervisorOutput>((resolve, reject) => {
    actor.subscribe({
      complete: () => resolve(actor.getSnapshot().output as SupervisorOutput),
      error: (error) => {
        child.kill();
        reject(error);
      },
    });
  });
  const ask = (type: "stop" | "kill") => (): Promise<SupervisorOutput> => {
    if (actor.getSnapshot().can({ type })) actor.send({ type });
    return ended;
  };
  actor.start();
  return {
    name: startable.name,
    actor,
    ended,
    stop: ask("stop"),
    kill: ask("kill"),
    get pid() {
      return child.pid();
    },
  };
};
