/** Several services in one process under `group.machine.ts`. Loaded only where `launch` is given a list. */
import { createActor, fromCallback } from "xstate";
import type {
  GroupActor,
  GroupEnd,
  GroupInput,
  GroupMachine,
  MemberCommand,
  MemberFact,
  MemberInput,
} from "../../machines/group.machine.ts";
import { groupMachine } from "../../machines/group.machine.ts";
import { hasStopped, isRunning, lifePartOf, runningState } from "../../machines/phases.ts";
import { statePath } from "../../machines/state.ts";
import { messageOf } from "../errors.ts";
import { announceReport } from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import type { StopReport } from "../service/types.ts";
import { announcer, causeLine, followPhases, noteReport, notifySystemd } from "./ending.ts";
import type { LaunchOptions } from "./options.ts";
import type { GroupPlan, Member } from "./plan.ts";
import { planGroup } from "./plan.ts";
import type { Launched, Session } from "./session.ts";

/** The part of a life in which the members of a group are, by the group's state. */
const parts: Readonly<Record<string, ReturnType<typeof lifePartOf>>> = { booting: "boot", running: "run", stopping: "stop" };

/**
 * Boots the members in order and resolves with the report of each, once all have stopped. Rejects with `SG_ERR_CONFIG_INVALID` before
 * anything boots.
 */
export const runGroup = async (
  session: Session,
  members: readonly Member[],
  options: LaunchOptions | undefined,
): Promise<readonly StopReport[]> => {
  const plan = planGroup(members, options);
  const { services } = plan;
  const actor = createActor(providedGroup(plan, members), { input: inputOf(plan) });
  const launched = launchedGroup(actor, services);
  const reports = services.map(async (own) => {
    const report = await reportOf(own);
    noteReport(own, report, causeOf(actor, services));
    return report;
  });
  session.running.add(launched);
  const unfollow = follow(actor, services);
  try {
    actor.start();
    notifySystemd(services, launched);
    if (session.stopped === undefined) actor.send({ type: "boot" });
    else launched.stop(session.stopped);
    const all = await Promise.all(reports);
    // a supervisor gets one report of the process: the first failure's, else that of the service that stopped last
    announceReport(all[actor.getSnapshot().context.cause?.at ?? firstAmong(plan)]!);
    return all;
  } finally {
    unfollow();
    session.running.delete(launched);
  }
};

/** A member that comes after no other: none stops later. */
const firstAmong = ({ order }: GroupPlan): number => order.findIndex((after) => after.length === 0);

const reportOf = (own: StargazerService): Promise<StopReport> =>
  hasStopped(own.state)
    ? own.shutdown()
    : new Promise((resolve) => {
        own.onFact(({ type }) => type === "stopped" && resolve(own.shutdown()));
      });

/** What the chart of that plan is created with. */
export const inputOf = ({ services, order, fail }: GroupPlan): GroupInput => ({
  members: services.map(({ serviceName: name }, at) => ({ name, after: order[at]! })),
  fail,
});

/** The chart, with each service as the actor of its member. */
export const providedGroup = ({ services }: GroupPlan, members: readonly Member[]): GroupMachine => {
  const member = fromCallback<MemberCommand, MemberInput>(({ input: { at }, sendBack, receive }) => {
    const own = services[at]!;
    const fact = (event: MemberFact) => sendBack(event);
    receive((command) => {
      if (command.type === "stop") return void own.shutdown(command.error ?? command.reason);
      void boot(members[at]!.given, own);
      // the program has booted it already
      if (isRunning(own.state)) fact({ type: "member.running", at });
    });
    void reportOf(own).then(({ outcome, error }) => {
      if (outcome === "failed") fact({ type: "member.failed", at, code: error?.code ?? "", message: messageOf(error) });
      fact({ type: "member.stopped", at });
    });
    return own.onFact((happened) => {
      if (happened.type === "state.entered" && isRunning(happened.state)) fact({ type: "member.running", at });
      if (happened.type === "failed") fact({ type: "member.failed", at, code: happened.code, message: happened.message });
    });
  });
  return groupMachine.provide({ actors: { member } });
};

/** An error that a service's own `runToCompletion` throws stops the service as failed. */
const boot = async (given: StargazerService, own: StargazerService): Promise<void> => {
  try {
    await given.runToCompletion();
  } catch (error) {
    void own.shutdown(error as Error);
  }
};

const launchedGroup = (actor: GroupActor, services: readonly StargazerService[]): Launched => ({
  services: () => {
    const { members } = actor.getSnapshot().context;
    return services.filter((own, at) => members[at]!.place !== "waiting" && !hasStopped(own.state));
  },
  isStopping: () => actor.getSnapshot().hasTag("ending"),
  stop: (reason) => actor.send({ type: "stop", ...endOf(reason) }),
});

const endOf = (reason: string | Error): GroupEnd =>
  typeof reason === "string" ? { reason } : { reason: messageOf(reason), error: reason };

const causeOf = (actor: GroupActor, services: readonly StargazerService[]): string | undefined => {
  const { cause } = actor.getSnapshot().context;
  return cause && causeLine(services[cause.at]!.serviceName, cause);
};

/** A supervisor gets the phases of the members that are where the group is, and `running` once all of them are. */
const follow = (actor: GroupActor, services: readonly StargazerService[]): (() => void) => {
  const part = () => parts[statePath(actor.getSnapshot())];
  const send = announcer();
  const unfollows = services.map((own) => followPhases(own, (phase) => lifePartOf(phase) === part() && send(phase)));
  const subscription = actor.subscribe({
    next: () => part() === lifePartOf(runningState) && send(runningState),
    // the chart itself failed: no order is kept any more
    error: (error) => {
      for (const own of services) void own.shutdown(error as Error);
    },
  });
  return () => {
    subscription.unsubscribe();
    for (const unfollow of unfollows) unfollow();
  };
};
