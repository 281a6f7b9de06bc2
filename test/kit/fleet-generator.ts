/**
 * A fleet that is written, not run: hundreds of instances whose registry entries and journal messages are those that real ones write,
 * through a real Redis. The registry's own writer is used, so that its events, its index and its refusals are real.
 */
import type { Redis } from "ioredis";
import type { LeaseStatus } from "../../machines/index.ts";
import type { JournalItem } from "../../src/journal/entry.ts";
import { wireFields, wireItems } from "../../src/journal/wire.ts";
import { Registration } from "../../src/registry/registration.ts";
import type { Item } from "./fleet-entries.ts";
import { began, end, exited, notReady, ready, step, waits } from "./fleet-entries.ts";
import { hourMs } from "./hours.ts";

const journal = "sg:fleet:journal";

export interface GeneratorOptions {
  /** ms; a lease that is not beaten ends then. Default 15,000 */
  readonly leaseTtlMs?: number;
  /** an instance belongs to one of them, in turn. Default: the five tiers */
  readonly services?: readonly string[];
}

/** What all writes take: how long ago it happened, in ms. Default 0 */
export interface Past {
  readonly agoMs?: number;
}

const tiers = ["gateway", "inference", "agents", "consolidation", "web"];

/** One boot of one instance. A new one of the same name is a restart. */
export class Generated {
  readonly service: string;
  readonly instance: string;
  readonly version: string;
  readonly boot: string;
  readonly registration: Registration;
  status: LeaseStatus = "starting";
  isLiving = false;

  constructor(redis: Redis, name: Pick<Generated, "service" | "instance" | "version">, boot: string, leaseTtlMs: number) {
    this.service = name.service;
    this.instance = name.instance;
    this.version = name.version;
    this.boot = boot;
    const { service, instance, version } = name;
    const describe = () => ({
      host: "10.0.0.1",
      pid: 4242,
      version,
      uptimeMs: 1000,
      health: { host: "10.0.0.1", port: 9090 },
      metadata: {},
    });
    this.registration = new Registration({ redis, service, instance, leaseTtlMs, boot, describe });
  }

  get name(): string {
    return `${this.service}:${this.instance}`;
  }
}

export class FleetGenerator {
  readonly #redis: Redis;
  readonly #options: Required<GeneratorOptions>;
  readonly #all = new Map<string, Generated>();
  #boots = 0;

  /** `redis`: a connected client of the test's own; it is not closed. */
  constructor(redis: Redis, { leaseTtlMs = hourMs, services = tiers }: GeneratorOptions = {}) {
    this.#redis = redis;
    this.#options = { leaseTtlMs, services };
  }

  /** The newest boot of each instance. */
  get instances(): readonly Generated[] {
    return [...this.#all.values()];
  }

  /** So many more instances, which have written nothing yet. */
  add(count: number, version = "3.0.0"): Generated[] {
    const { services } = this.#options;
    const first = this.#all.size;
    return Array.from({ length: count }, (_, at) => {
      const index = first + at;
      const service = services[index % services.length]!;
      return this.#next({ service, instance: `${service}-${Math.floor(index / services.length) + 1}`, version });
    });
  }

  /** The next boot of each, of another version if one is given. */
  restart(instances: readonly Generated[], version?: string): Generated[] {
    return instances.map((one) => this.#next({ service: one.service, instance: one.instance, version: version ?? one.version }));
  }

  /** From the ping gate into `onStart`, where each stays in a phase `model`. */
  async start(instances: readonly Generated[], past: Past = {}): Promise<void> {
    await Promise.all(instances.map((one) => one.registration.prepare({ signal: AbortSignal.timeout(30_000) })));
    await this.write(
      instances,
      () => [
        step("pinging.attempt", "xstate.after.bootJitter.lifecycle.jitter"),
        waits("Redis to answer PING, attempt 1 of 3", 1000),
        step("starting", "xstate.done.actor.pingRedis"),
        began("starting.model"),
        waits("the tier's onStart, model", 60_000),
      ],
      past,
    );
  }

  /** The whole boot of each: it is registered, runs and is ready. */
  async boot(instances: readonly Generated[], past: Past = {}): Promise<void> {
    await this.start(instances, past);
    await this.#register(instances, "starting");
    await this.write(
      instances,
      () => [
        { kind: "ended", phase: "starting.model", outcome: "done", ms: 120 },
        step("registering", "xstate.done.actor.startTier"),
        step("healthy.opening", "lease.held"),
        step("healthy.ready", "xstate.done.actor.openHealth"),
        step("running", "run"),
        waits("the tier's run", null),
        ready,
      ],
      past,
    );
    await this.#register(instances, "running");
    for (const one of instances) one.isLiving = true;
  }

  /** Stops each as SIGTERM does, to the end. */
  async stop(instances: readonly Generated[], past: Past = {}): Promise<void> {
    await this.write(
      instances,
      () => [
        step("stopping.announcing", "shutdown"),
        notReady("stopping"),
        step("stopping.deregistering", "xstate.done.actor.closeHealth"),
      ],
      past,
    );
    await Promise.all(instances.map((one) => one.registration.deregister({ signal: AbortSignal.timeout(30_000) })));
    await this.write(
      instances,
      () => [
        end("shutdown", "SIGTERM"),
        step("stopping.draining", "lease.released"),
        step("stopping.unwinding", "xstate.done.actor.drainTier"),
        step("stopping.disconnecting", "xstate.done.actor.releaseTier"),
        end("shutdown", "SIGTERM"),
      ],
      past,
    );
    for (const one of instances) one.isLiving = false;
  }

  /** `onStart` of each fails with that message. */
  async fail(instances: readonly Generated[], message: string, past: Past = {}): Promise<void> {
    await this.write(
      instances,
      () => [
        { kind: "fact", type: "failed", level: "error", text: `starting: ${message}` },
        step("stopping.announcing", "xstate.error.actor.startTier"),
        step("stopping.disconnecting", "xstate.done.actor.stopTier"),
        end("failed", "onStart failed", [message]),
      ],
      past,
    );
  }

  /** Ends each as SIGKILL does: nothing more is written by it, and its lease is not prolonged. */
  kill(instances: readonly Generated[]): void {
    for (const one of instances) one.isLiving = false;
  }

  /** What a parent writes of the end of each. */
  async exited(instances: readonly Generated[], over: Parameters<typeof exited>[0] = {}): Promise<void> {
    this.kill(instances);
    await this.write(
      instances.map((one) => ({ ...parentOf(one) })),
      () => [exited(over)],
    );
  }

  /** Prolongs the leases of those that live. */
  async beat(): Promise<void> {
    await Promise.all(
      this.instances
        .filter(({ isLiving }) => isLiving)
        .map((one) => one.registration.renew({ status: one.status, changed: false }, { signal: AbortSignal.timeout(30_000) })),
    );
  }

  /** One message of the journal for each, with what `items` gives, in one pipeline. */
  async write(instances: readonly Written[], items: (one: Written) => readonly Item[], { agoMs = 0 }: Past = {}): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const one of instances) {
      const messages = wireItems(
        items(one).map((item) => ({ ...item, at: -agoMs }) as JournalItem),
        0,
      );
      const { service, instance, boot, version } = one;
      const incarnation = one.registration?.incarnation ?? 0;
      const author = { service, instance, boot, version, incarnation };
      for (const json of messages) pipeline.xadd(journal, "MAXLEN", "~", 20_000, "*", ...wireFields(author, json));
    }
    await pipeline.exec();
  }

  async #register(instances: readonly Generated[], status: LeaseStatus): Promise<void> {
    for (const one of instances) one.status = status;
    await Promise.all(
      instances.map((one) => one.registration.register({ status, changed: true }, { signal: AbortSignal.timeout(30_000) })),
    );
  }

  #next(name: Pick<Generated, "service" | "instance" | "version">): Generated {
    this.#boots += 1;
    const boot = this.#boots.toString(16).padStart(16, "0");
    const one = new Generated(this.#redis, name, boot, this.#options.leaseTtlMs);
    this.#all.set(one.name, one);
    return one;
  }
}

/** What a message is written as. */
export interface Written extends Pick<Generated, "service" | "instance" | "version" | "boot"> {
  readonly registration?: Registration;
}

/** A parent knows neither boot nor release. */
const parentOf = ({ service, instance }: Written): Written => ({ service, instance, version: "", boot: "" });
