/**
 * The chart of a group on real services, whose hooks wait for the test. What a service reports is held until the test asks for it, so that
 * every order of events can be had.
 */
import { expect } from "vitest";
import type { CallbackActorLogic, EventObject, InspectionEvent } from "xstate";
import { createActor, fromCallback } from "xstate";
import type { GroupActor, GroupInput, GroupSnapshot } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import { inputOf, providedGroup } from "../../src/launch/group.ts";
import type { Member } from "../../src/launch/plan.ts";
import { planGroup } from "../../src/launch/plan.ts";
import { Gates, settles } from "./gates.ts";
import type { ModelEvent, TakenTransition } from "./model.ts";
import { takenName } from "./model.ts";
import type { UnderTest } from "./model-paths.ts";
import { TestTier } from "./tier.ts";

type Callback = (scope: { input: { at: number }; sendBack(event: EventObject): void }) => unknown;
const error = new Error("model");

export class GroupUnderTest implements UnderTest<GroupSnapshot> {
  readonly #gates = new Gates();
  readonly #tiers: readonly TestTier[];
  readonly #actor: GroupActor;
  /** what a service has reported, by its place and the event's type */
  readonly #reports = new Map<string, () => void>();

  constructor({ members: given, fail }: GroupInput, onTaken: (name: string) => void) {
    this.#tiers = given.map(({ name }, at) => this.#tier(name, at));
    const members: Member[] = given.map(({ after }, at) => ({
      given: this.#tiers[at]!,
      after: after.map((other) => given[other]!.name),
    }));
    const plan = planGroup(members, { fail });
    const machine = providedGroup(plan, members);
    const { member } = machine.implementations.actors as unknown as { member: { config: Callback } };
    const held = fromCallback<EventObject>((scope) => {
      const { at } = scope.input as unknown as { at: number };
      const sendBack = (event: EventObject) => void this.#reports.set(`${at} ${event.type}`, () => scope.sendBack(event));
      return member.config({ ...scope, sendBack } as never) as () => void;
    }) as CallbackActorLogic<EventObject>;
    this.#actor = createActor(machine.provide({ actors: { member: held as never } }), {
      input: inputOf(plan),
      inspect: (event: InspectionEvent) => {
        if (event.type === "@xstate.microstep" && event.actorRef.sessionId === event.rootId)
          for (const transition of event._transitions) onTaken(takenName(transition as unknown as TakenTransition));
      },
    });
    this.#actor.start();
  }

  async exec(_before: GroupSnapshot, event: ModelEvent): Promise<void> {
    const { type, at } = event as ModelEvent & { at: number };
    if (!type.startsWith("member.")) return this.#actor.send(event as never);
    const cause = { "member.running": this.#run, "member.failed": this.#fail, "member.stopped": this.#end }[type]!;
    await cause.call(this, this.#tiers[at]!, at);
    const report = `${at} ${type}`;
    await settles(`${report} is reported`, () => this.#reports.has(report));
    this.#reports.get(report)!();
    this.#reports.delete(report);
  }

  async check(model: GroupSnapshot): Promise<void> {
    const snapshot = this.#actor.getSnapshot();
    expect(statePath(snapshot)).toBe(statePath(model));
    expect(snapshot.context.members.map(({ place, hasRun, end }) => [place, hasRun, end?.reason])).toEqual(
      model.context.members.map(({ place, hasRun, end }) => [place, hasRun, end?.reason]),
    );
    for (const [at, { place }] of snapshot.context.members.entries()) {
      const { state } = this.#tiers[at]!;
      // a service may have failed or returned, and its group may not know yet
      const mayBe = { waiting: ["init"], stopped: ["stopped"], stopping: ["stopping", "stopped"] }[place as string];
      if (mayBe !== undefined) expect(mayBe, `${at} is ${place}`).toContain(state);
      else expect(state, `${at} is ${place}`).not.toBe("init");
    }
    const living = Object.values(snapshot.children).filter((child) => child?.getSnapshot().status === "active");
    expect(living).toHaveLength(model.status === "done" ? 0 : model.context.members.length);
  }

  async end(): Promise<void> {
    this.#actor.stop();
    const stopped = Promise.all(this.#tiers.map((tier) => tier.shutdown()));
    const opening = setInterval(() => this.#gates.openAll(), 5);
    await stopped;
    clearInterval(opening);
  }

  #tier(serviceName: string, at: number): TestTier {
    const hold = (hook: string, signal?: AbortSignal) => this.#gates.hold(`${at} ${hook}`, signal);
    // no deadline of a service's own is to end what the test holds
    const longMs = 600_000;
    const times = { startTimeoutMs: longMs, drainTimeoutMs: longMs, stopTimeoutMs: longMs, shutdownTimeoutMs: longMs };
    return new TestTier(
      { serviceName, redis: null, useHealthServer: false, ...times },
      {
        onStart: async ({ signal, defer }) => {
          defer(() => hold("release"));
          await hold("onStart", signal);
        },
        run: ({ signal }) => hold("run", signal),
        onStop: () => hold("onStop"),
      },
    );
  }

  async #run(tier: TestTier, at: number): Promise<void> {
    (await this.#gates.take(`${at} onStart`)).open();
    await tier.waitFor("running");
  }

  /** The hook that is under way fails, or a release where `onStop` has failed already. */
  async #fail(_: TestTier, at: number): Promise<void> {
    const hook = () => ["onStart", "run", "onStop", "release"].find((name) => this.#gates.isHeld(`${at} ${name}`));
    await settles("a hook is under way", () => hook() !== undefined);
    (await this.#gates.take(`${at} ${hook()}`)).fail(error);
  }

  /** Its hooks end, and the service with them; one that nothing stops returns from its run, or is stopped by its program. */
  async #end(tier: TestTier, at: number): Promise<void> {
    if (tier.state === "running") (await this.#gates.take(`${at} run`)).open();
    else void tier.shutdown();
    await settles("it stops", () => {
      this.#gates.openNamed(`${at} onStop`, `${at} release`);
      return tier.state === "stopped";
    });
  }
}
