/** What the chart needs of the world, and the real one: Redis, the registry, the health server. */
import type { LeaseAnswer, LeaseWrite } from "../../machines/index.ts";
import { until } from "../clock.ts";
import type { HealthServer } from "../health/server.ts";
import type { RedisClient } from "../redis/client.ts";
import { closeRedis, openRedis, openRegistryConnection } from "../redis/connection.ts";
import { pingGate } from "../redis/ping.ts";
import type { EntryDetails } from "../registry/registration.ts";
import { Registration } from "../registry/registration.ts";

/** Each call ends with its signal: what it waited for is then let go by force. */
export interface World {
  /** The command connection; throws where the service has no Redis. */
  readonly redis: RedisClient;
  /** Drawn before the first registry write. */
  readonly incarnation: number | undefined;
  /** Begins, at the boot, what takes time and touches nothing outside of the process. */
  warm(): void;
  pingRedis(signal: AbortSignal): Promise<void>;
  openHealth(signal: AbortSignal): Promise<void>;
  closeHealth(signal: AbortSignal): Promise<void>;
  registerInstance(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer>;
  renewLease(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer>;
  deregisterInstance(signal: AbortSignal): Promise<void>;
  /** Closes every connection that is ours and destroys whatever is left. */
  close(signal: AbortSignal): Promise<void>;
}

export interface RealWorldOptions {
  readonly service: string;
  readonly instance: string;
  /** a client of the caller's, a URL, or none */
  readonly redis: RedisClient | string | null;
  readonly leaseTtlMs: number;
  /** what drawing the incarnation may take while the ping gate is passed */
  readonly prepareTimeoutMs: number;
  readonly describe: () => EntryDetails;
  /** undefined where there is none */
  readonly createHealth: (() => HealthServer) | undefined;
}

export class RealWorld implements World {
  readonly #options: RealWorldOptions;
  #owned: RedisClient | undefined;
  #registryRedis: RedisClient | undefined;
  #registration: Registration | undefined;
  #health: HealthServer | undefined;
  /** aborts when every connection goes */
  readonly #closing = new AbortController();

  constructor(options: RealWorldOptions) {
    this.#options = options;
  }

  /** The command connection: the caller's, or one of ours that is made (not connected) on first use. */
  get redis(): RedisClient {
    const { redis } = this.#options;
    if (redis === null) throw new TypeError("this service runs without Redis (redis: null), so context.redis is not there");
    if (typeof redis !== "string") return redis;
    this.#owned ??= openRedis(redis);
    return this.#owned;
  }

  get incarnation(): number | undefined {
    return this.#registration?.incarnation;
  }

  get healthAddress(): { host: string; port: number } | undefined {
    return this.#health?.address;
  }

  warm(): void {
    this.#theHealth?.warm();
  }

  async pingRedis(signal: AbortSignal): Promise<void> {
    if (this.#options.redis === null) return;
    const client = this.redis;
    this.#prepareEntry();
    await pingGate(client, { owned: this.#owned === client, signal });
  }

  /** The registry's connection is made, and the incarnation drawn, while the gate is passed: reading only, and nobody waits for it. */
  #prepareEntry(): void {
    const deadline = AbortSignal.timeout(this.#options.prepareTimeoutMs);
    void this.#entry.prepare(AbortSignal.any([this.#closing.signal, deadline]));
  }

  async openHealth(signal: AbortSignal): Promise<void> {
    await this.#theHealth?.open(signal);
  }

  async closeHealth(signal: AbortSignal): Promise<void> {
    await this.#health?.close(signal);
  }

  registerInstance(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer> {
    return this.#entry.register(write, signal);
  }

  renewLease(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer> {
    return this.#entry.renew(write, signal);
  }

  deregisterInstance(signal: AbortSignal): Promise<void> {
    return this.#entry.deregister(signal);
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#health?.destroy();
    this.#closing.abort(new Error("the service has stopped"));
    const ours = [this.#registryRedis, this.#owned];
    const thread = this.#health && until(signal, this.#health.gone()).catch(() => {});
    await Promise.all([thread, ...ours.map((client) => client && closeRedis(client, { signal }))]);
  }

  /** Made at the boot: what takes time can begin then. */
  get #theHealth(): HealthServer | undefined {
    this.#health ??= this.#options.createHealth?.();
    return this.#health;
  }

  get #entry(): Registration {
    const { service, instance, leaseTtlMs, describe } = this.#options;
    this.#registryRedis ??= openRegistryConnection(this.redis);
    this.#registration ??= new Registration({ redis: this.#registryRedis, service, instance, leaseTtlMs, describe });
    return this.#registration;
  }
}
