/** The real lease with the real registry writes, which wait at gates, on a real Redis behind a proxy. */
import { expect } from "vitest";
import type { AnyMachineSnapshot, InspectionEvent } from "xstate";
import { createActor, createEmptyActor } from "xstate";
import type { LeaseAnswer, LeaseSnapshot } from "../../machines/index.ts";
import { type leaseMachine, statePath } from "../../machines/index.ts";
import type { RedisClient } from "../../src/redis/client.ts";
import { closeRedis, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { Registration } from "../../src/registry/registration.ts";
import { bindEffects, providedLifecycle } from "../../src/service/effects/effects.ts";
import type { EntryWriter, Resources } from "../../src/service/effects/resources.ts";
import type { HookRunner } from "../../src/service/hooks/hooks.ts";
import { GatedRedis } from "./gated-redis.ts";
import { HeldClock, settles } from "./gates.ts";
import type { ModelEvent, TakenTransition } from "./model.ts";
import { takenName } from "./model.ts";
import type { TestRedis } from "./redis.ts";
import { registerRival } from "./rival.ts";

/** Each length is another one, so that a timer is known by it. */
export const leaseTimes = { heartbeatMs: 5000, leaseTtlMs: 15_000, writeTimeoutMs: 2000, leaseRetryMs: 1000 };
const lengths: Record<string, number> = {
  heartbeatInterval: leaseTimes.heartbeatMs,
  leaseTtl: leaseTimes.leaseTtlMs,
  writeTimeout: leaseTimes.writeTimeoutMs,
  beatTimeout: leaseTimes.writeTimeoutMs,
  leaseRetry: leaseTimes.leaseRetryMs,
};
const realLease = providedLifecycle.implementations.actors.lease as unknown as typeof leaseMachine;
const serviceName = "lease";
let made = 0;

/** The registry never answers `gone` to a register, so this answer is given by hand. */
export const isForcedAnswer = (_: unknown, { type, output }: ModelEvent): boolean =>
  type === "xstate.done.actor.registerInstance" && (output as LeaseAnswer).type === "gone";

export class LeaseUnderTest {
  readonly clock = new HeldClock();
  readonly #way: GatedRedis;
  readonly #instance: string;
  readonly #client: RedisClient;
  readonly #registration: Registration;
  readonly #actor;
  #entry: "none" | "ours" | "rival" = "none";
  #forced: LeaseAnswer | undefined;

  static async make(redis: TestRedis, onTaken: (name: string) => void): Promise<LeaseUnderTest> {
    return new LeaseUnderTest(await GatedRedis.before(redis), onTaken);
  }

  private constructor(way: GatedRedis, onTaken: (name: string) => void) {
    this.#way = way;
    made += 1;
    this.#instance = `i${made}`;
    this.#client = openRegistryConnection(openRedis(way.url));
    this.#registration = new Registration({
      redis: this.#client,
      service: serviceName,
      instance: this.#instance,
      leaseTtlMs: 60_000,
      describe: () => ({ host: "here", pid: 2, version: "0", uptimeMs: 0, health: null, metadata: {} }),
    });
    const input = {
      parent: createEmptyActor() as never,
      status: "starting" as const,
      times: leaseTimes,
      now: () => this.clock.now(),
      epochNow: () => 0,
      random: () => 0.5,
    };
    this.#actor = createActor(realLease, {
      input,
      clock: this.clock as never,
      inspect: (event: InspectionEvent) => {
        if (event.type === "@xstate.microstep" && event.actorRef.sessionId === event.rootId)
          for (const transition of event._transitions) onTaken(takenName(transition as unknown as TakenTransition));
      },
    });
    const resources = { entry: this.#entryWriter() } as Resources;
    bindEffects(this.#actor.system, { hooks: {} as HookRunner, resources });
    this.#actor.start();
  }

  async exec(_: unknown, event: ModelEvent): Promise<void> {
    const [, kind, name, actor] = event.type.split(".") as [string, string, string, string];
    const before = this.#actor.getSnapshot();
    if (kind === "after") await this.#after(name, before);
    else if (kind === "error") await this.#fail(actor, before);
    else if (kind === "done") await this.#answer(actor, (event.output as LeaseAnswer | undefined)?.type);
    else this.#actor.send(event as never);
  }

  /** The chart, and the entry that Redis has. */
  async check(model: AnyMachineSnapshot): Promise<void> {
    const path = statePath(model);
    const isThere = () => statePath(this.#actor.getSnapshot()) === path;
    await settles(`${path}, and not ${statePath(this.#actor.getSnapshot())}`, isThere);
    const { context } = this.#actor.getSnapshot();
    expect([context.wanted, context.written]).toEqual([model.context.wanted, model.context.written]);
    const text = await this.#way.redis.witness.get(this.#key);
    const entry = text === null ? undefined : JSON.parse(text);
    const { incarnation } = this.#registration;
    expect(entry === undefined ? "none" : entry.incarnation === incarnation ? "ours" : "rival").toBe(this.#entry);
    if (this.#entry === "ours" && context.written !== undefined) expect(entry.status).toBe(context.written);
    if (model.status === "done") expect(this.clock.pending).toEqual([]);
  }

  async end(): Promise<void> {
    this.#actor.stop();
    await this.#way.end();
    await closeRedis(this.#client, { signal: AbortSignal.timeout(1000) });
    await this.#way.redis.witness.del(this.#key, `sg:registry:released:${serviceName}:${this.#instance}`);
  }

  #entryWriter(): EntryWriter {
    const way = this.#way;
    const registration = this.#registration;
    return {
      register: (write, waiting) =>
        way.gated("registerInstance", waiting.signal, async () => this.#forced ?? registration.register(write, waiting)),
      renew: (write, waiting) => way.gated("renewLease", waiting.signal, () => registration.renew(write, waiting)),
      deregister: (waiting) => way.gated("deregisterInstance", waiting.signal, () => registration.deregister(waiting)),
    };
  }

  get #key(): string {
    return `sg:registry:service:${serviceName}:${this.#instance}`;
  }

  async #after(delay: string, before: LeaseSnapshot): Promise<void> {
    const write = Object.keys(before.children)[0];
    const hangs = /^(write|beat)Timeout$/.test(delay) && this.#entry === "ours" && write !== undefined;
    if (hangs) await this.#way.hang(write);
    this.clock.fire(lengths[delay]!);
    if (hangs) this.#way.lift();
  }

  /** The connection breaks under the write. The deregistration of a boot that has written nothing sends nothing: it is failed by hand. */
  async #fail(write: string, before: LeaseSnapshot): Promise<void> {
    const gate = await this.#way.gates.take(write);
    await this.#way.cut();
    if (write === "deregisterInstance" && this.#entry !== "ours") gate.fail(new Error("model"));
    else gate.open();
    await settles(`${write} fails`, () => statePath(this.#actor.getSnapshot()) !== statePath(before));
    await this.#way.mend();
  }

  async #answer(write: string, answer: LeaseAnswer["type"] | undefined): Promise<void> {
    const gate = await this.#way.gates.take(write);
    this.#forced = undefined;
    if (write === "registerInstance" && answer === "gone") this.#forced = { type: "gone" };
    if (write === "renewLease" && answer === "gone") await this.#way.redis.witness.del(this.#key);
    const isFirst = this.#registration.incarnation === undefined;
    const comes = () => registerRival(this.#way.redis, serviceName, this.#instance);
    const rival = answer === "superseded" && (isFirst ? this.#way.beforeFirstWrite(comes) : comes());
    if (!isFirst) await rival;
    gate.open();
    await rival;
    const entries = { ok: "ours", gone: this.#forced ? this.#entry : "none", superseded: "rival" } as const;
    if (answer !== undefined) this.#entry = entries[answer];
    else if (this.#entry === "ours") this.#entry = "none";
  }
}
