/** What the chart needs of the world, and the real one: Redis, the registry, the health server. */
import type { LeaseAnswer, LeaseWrite } from "../../../machines/index.ts";
import { until } from "../../clock.ts";
import type { HealthServer } from "../../health/server.ts";
import type { RedisClient } from "../../redis/client.ts";
import { closeRedis, openRedis, openRegistryConnection } from "../../redis/connection.ts";
import { pingGate } from "../../redis/ping.ts";
import type { EntryDetails } from "../../registry/registration.ts";
import { Registration } from "../../registry/registration.ts";

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
  /** undefined where there is none; called once */
  readonly loadHealth: (() => Promise<HealthServer>) | undefined;
}

export class RealWorld implements World {
  readonly #options: RealWorldOptions;
  #owned: RedisClient | undefined;
  #registryRedis: RedisClient | undefined;
  #registration: Registration | undefined;
  /** on its way since the boot */
  #health: Promise<HealthServer | undefined> | undefined;
  /** once its opening has begun */
  #opened: HealthServer | undefined;
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
    return this.#opened?.address;
  }

  warm(): void {
    // what fails here is met again, and told, by opening
    this.#theHealth().catch(() => {});
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
    void this.#entry.prepare({ signal: AbortSignal.any([this.#closing.signal, deadline]) });
  }

  async openHealth(signal: AbortSignal): Promise<void> {
    this.#opened = await this.#theHealth();
    await this.#opened?.open(signal);
  }

  async closeHealth(signal: AbortSignal): Promise<void> {
    await this.#opened?.close(signal);
  }

  registerInstance(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer> {
    return this.#entry.register(write, { signal });
  }

  renewLease(signal: AbortSignal, write: LeaseWrite): Promise<LeaseAnswer> {
    return this.#entry.renew(write, { signal });
  }

  deregisterInstance(signal: AbortSignal): Promise<void> {
    return this.#entry.deregister({ signal });
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#opened?.destroy();
    this.#closing.abort(new Error("the service has stopped"));
    const ours = [this.#registryRedis, this.#owned];
    const health = until(signal, this.#endHealth()).catch(() => {});
    await Promise.all([health, ...ours.map((client) => client && closeRedis(client, { signal }))]);
  }

  /** Loaded at the boot, beside what else is waited for. */
  #theHealth(): Promise<HealthServer | undefined> {
    this.#health ??= this.#loadHealth();
    return this.#health;
  }

  async #loadHealth(): Promise<HealthServer | undefined> {
    const health = await this.#options.loadHealth?.();
    health?.prepare();
    return health;
  }

  /** One that is still on its way is destroyed as it comes, also where nobody waits for that any more. */
  async #endHealth(): Promise<void> {
    const health = await this.#health;
    health?.destroy();
    await health?.gone();
  }

  get #entry(): Registration {
    const { service, instance, leaseTtlMs, describe } = this.#options;
    this.#registryRedis ??= openRegistryConnection(this.redis);
    this.#registration ??= new Registration({ redis: this.#registryRedis, service, instance, leaseTtlMs, describe });
    return this.#registration;
  }
}
