/** The supervisor chart over a real child. */
import { createActor } from "xstate";
import type { ChildLogic, SupervisorActor, SupervisorOutput, SupervisorSettings } from "../../machines/index.ts";
import { supervisorMachine } from "../../machines/index.ts";

export interface SupervisorOptions {
  readonly settings?: Partial<SupervisorSettings>;
  /** 0 to 1; spreads the backoffs */
  readonly random?: () => number;
}

/** A child that is restarted for as long as the chart allows. */
export interface Supervisor {
  /** The chart's actor, to look at: `getSnapshot`, `subscribe`. */
  readonly actor: SupervisorActor;
  /** Resolves when no child is left and none will be started: it ended, or was stopped, also while it was given up. Never rejects. */
  readonly ended: Promise<SupervisorOutput>;
  /** One SIGTERM, SIGKILL after `stopTimeoutMs`. Legal in any state; a second call changes nothing. Returns `ended`. */
  stop(): Promise<SupervisorOutput>;
  /** SIGKILL now. Legal in any state; a second call changes nothing. Returns `ended`. */
  kill(): Promise<SupervisorOutput>;
}

/** Starts the child at once and restarts it, transiently, until it is stopped or ends. */
export const supervise = (child: ChildLogic, { settings = {}, random = Math.random }: SupervisorOptions = {}): Supervisor => {
  const machine = supervisorMachine.provide({ actors: { child } });
  const actor: SupervisorActor = createActor(machine, { input: { settings, random } });
  const ended = new Promise<SupervisorOutput>((resolve, reject) => {
    actor.subscribe({ complete: () => resolve(actor.getSnapshot().output as SupervisorOutput), error: reject });
  });
  const send = (type: "stop" | "kill") => (): Promise<SupervisorOutput> => {
    if (actor.getSnapshot().can({ type })) actor.send({ type });
    return ended;
  };
  actor.start();
  return { actor, ended, stop: send("stop"), kill: send("kill") };
};
