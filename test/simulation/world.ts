/** The world of one simulated instance: the production registration over a simulated connection, and pings and health by plan. */
import { getEventListeners } from "node:events";
import type { LeaseAnswer } from "../../machines/index.ts";
import type { RedisClient } from "../../src/redis/client.ts";
import { Registration } from "../../src/registry/registration.ts";
import type { EntryWriter, Resources } from "../../src/service/effects/resources.ts";
import type { Waiting } from "../../src/until.ts";
import type { VirtualClock } from "./clock.ts";
import { SimulatedConnection } from "./connection.ts";
import type { EffectPlan, InstancePlan } from "./plan.ts";
import type { VirtualProcess } from "./process.ts";
import type { SimulatedServer } from "./server.ts";
import type { Weather } from "./weather.ts";

/** What the world sees of what the service asks of it. */
export interface WorldWatcher {
  asked(what: string): void;
  pingFailed(attempt: number): void;
  /** `itself`: it failed and was not given up */
  healthFailed(itself: boolean): void;
  superseded(): void;
  met(fault: string): void;
}

export interface SimulatedWorldOptions {
  readonly clock: VirtualClock;
  readonly process: VirtualProcess;
  readonly server: SimulatedServer;
  readonly weather: Weather;
  readonly plan: InstancePlan;
  readonly watcher: WorldWatcher;
  readonly service: string;
  readonly instance: string;
  /** hexadecimal, as the boot id of this boot */
  readonly boot: string;
  readonly pid: number;
  readonly leaseTtlMs: number;
}

export class SimulatedWorld implements Resources {
  readonly #options: SimulatedWorldOptions;
  /** no simulated server has a port */
  readonly healthAddress = undefined;
  readonly #signals: AbortSignal[] = [];
  #connection: SimulatedConnection | undefined;
  #registration: Registration | undefined;
  #attempt = 0;
  readonly entry: EntryWriter = {
    register: async (write, waiting) => {
      this.#ask(`register ${write.status}`, waiting.signal);
      return this.#seen(await this.#registrationNow.register(write, waiting));
    },
    renew: async (write, waiting) => {
      this.#ask(write.changed ? `renew ${write.status}` : "renew", waiting.signal);
      return this.#seen(await this.#registrationNow.renew(write, waiting));
    },
    deregister: (waiting) => {
      this.#ask("deregister", waiting.signal);
      return this.#registrationNow.deregister(waiting);
    },
  };
  /** what waits for an answer; ends when the connections are closed */
  readonly #waiting = new Set<(error: Error) => void>();
  #health: "never" | "opening" | "open" | "closed" = "never";

  constructor(options: SimulatedWorldOptions) {
    this.#options = options;
  }

  get redis(): RedisClient {
    throw new Error("simulated tiers do not use Redis themselves");
  }

  get incarnation(): number | undefined {
    return this.#registration?.incarnation;
  }

  get isHealthOpen(): boolean {
    return this.#health === "open";
  }

  /** What is still open or still listens: has to be nothing once the service has stopped. */
  leftovers(): string[] {
    const listening = this.#signals.filter((signal) => !signal.aborted && getEventListeners(signal, "abort").length > 0);
    return [
      ...(this.#health === "open" ? ["the health server"] : []),
      ...(this.#connection && this.#connection.status !== "end" ? [`a connection (${this.#connection.status})`] : []),
      ...(listening.length > 0 ? [`${listening.length} abort listener(s)`] : []),
    ];
  }

  preload(): void {}

  async pingRedis({ signal }: Waiting): Promise<void> {
    this.#ask("ping", signal);
    const { plan, server, watcher } = this.#options;
    const attempt = this.#attempt++;
    const planned = plan.pings[attempt] ?? plan.pings[0]!;
    const failed = () => watcher.pingFailed(attempt + 1);
    if (!server.isUp) await this.#effect({ ms: 1, ends: "rejects" }, signal, "a ping is refused", failed);
    else if (server.isFrozen) await this.#effect({ ms: Infinity, ends: "resolves" }, signal, "a ping hangs", failed);
    else await this.#effect(planned, signal, "a ping is answered", failed);
  }

  async openHealth({ signal }: Waiting): Promise<void> {
    this.#ask("open health", signal);
    this.#health = "opening";
    const { plan, watcher } = this.#options;
    await this.#effect(plan.openHealth, signal, "health opens", () => watcher.healthFailed(!signal.aborted));
    this.#health = "open";
  }

  /** By force when the signal aborts; a close that fails leaves it open. */
  async closeHealth({ signal }: Waiting): Promise<void> {
    this.#ask("close health", signal);
    const forced = () => {
      if (signal.aborted) this.#closed();
    };
    await this.#effect(this.#options.plan.closeHealth, signal, "health closes", forced);
    this.#closed();
  }

  async close({ signal }: Waiting): Promise<void> {
    this.#ask("close", signal);
    this.#closed();
    this.#connection?.disconnect();
    for (const end of [...this.#waiting]) end(new Error("Connection is closed."));
    await this.#effect(this.#options.plan.close, signal, "connections close");
  }

  #ask(what: string, signal: AbortSignal): void {
    this.#signals.push(signal);
    this.#options.watcher.asked(what);
  }

  #seen(answer: LeaseAnswer): LeaseAnswer {
    if (answer.type === "superseded") this.#options.watcher.superseded();
    return answer;
  }

  #closed(): void {
    if (this.#health !== "never") this.#health = "closed";
  }

  /** `failed` is called at once when the effect fails or is given up, before its rejection is seen. */
  #effect({ ms, ends }: EffectPlan, signal: AbortSignal, label: string, failed: () => void = () => {}): Promise<void> {
    const { clock, process, watcher } = this.#options;
    if (ms === Infinity) watcher.met(`${label}: never`);
    else if (ends === "rejects") watcher.met(`${label}: fails`);
    return new Promise((resolve, reject) => {
      const settled = (): boolean => {
        signal.removeEventListener("abort", abort);
        return !this.#waiting.delete(fail);
      };
      const fail = (error: unknown) => {
        if (settled()) return;
        failed();
        reject(error);
      };
      const abort = () => fail(signal.reason);
      const land = () => {
        if (ends === "rejects") fail(new Error(`${label}: failed`));
        else if (!settled()) resolve();
      };
      this.#waiting.add(fail);
      signal.addEventListener("abort", abort, { once: true });
      if (ms !== Infinity) clock.schedule(land, ms, label, process);
    });
  }

  get #registrationNow(): Registration {
    const { clock, service, instance, boot, pid, leaseTtlMs } = this.#options;
    this.#connection ??= new SimulatedConnection(this.#options);
    this.#registration ??= new Registration({
      redis: this.#connection as unknown as RedisClient,
      service,
      instance,
      boot,
      leaseTtlMs,
      describe: () => ({ host: "simulated", pid, version: "0.0.0", uptimeMs: 0, health: null, metadata: {} }),
      now: () => clock.now,
    });
    return this.#registration;
  }
}
