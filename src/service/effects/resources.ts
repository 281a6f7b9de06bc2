/** What a service owns outside of its process, or opens to it: Redis connections, the registry entry, the health server. */
import type { Readiness } from "../../health/readiness.ts";
import type { HealthServer } from "../../health/server.ts";
import type { RedisClient } from "../../redis/client.ts";
import { closeRedis, openRedis, openRegistryConnection } from "../../redis/connection.ts";
import { checkFitness, pingGate } from "../../redis/ping.ts";
import { checkPermissions } from "../../registry/permissions.ts";
import type { JournalPart, RegistrationOptions } from "../../registry/registration.ts";
import { Registration } from "../../registry/registration.ts";
import type { Waiting } from "../../until.ts";
import { until } from "../../until.ts";

/** Writes the registry entry of one boot. Each call ends with its signal. */
export type EntryWriter = Pick<Registration, "register" | "renew" | "deregister">;

/** Each call ends with its signal; what it waits for is then closed by force. */
export interface Resources {
  /** The command connection; throws where the service has no Redis. */
  readonly redis: RedisClient;
  /** Where the health server listens; undefined while it does not. */
  readonly healthAddress: { host: string; port: number } | undefined;
  /** Drawn before the first registry write. */
  readonly incarnation: number | undefined;
  readonly entry: EntryWriter;
  /** Begins, at the boot, what takes time and touches nothing outside of the process. */
  preload(): void;
  pingRedis(waiting: Waiting): Promise<void>;
  openHealth(waiting: Waiting): Promise<void>;
  closeHealth(waiting: Waiting): Promise<void>;
  /** Closes every connection that the service opened, and destroys what does not close. */
  close(waiting: Waiting): Promise<void>;
}

/** What is known of a boot by its registration. */
export type Boot = Pick<Registration, "incarnation" | "boot">;

/** The journal of one boot. Nothing of it waits. */
export interface BootJournal {
  /** for the registry's writes; undefined while nothing is written */
  readonly part: JournalPart | undefined;
  /** Messages over that connection whose answer has not come. */
  unanswered(client: RedisClient): number;
  /** Redis has passed the ping gate over the connection `gated`. `missing`: what the user lacks for the journal; empty if nothing */
  open(gated: RedisClient, missing: string): void;
  /** Sends the last message. */
  end(): void;
}

export interface ResourcesOptions {
  readonly service: string;
  readonly instance: string;
  /** a client of the caller's, a URL, or none */
  readonly redis: RedisClient | string | null;
  readonly leaseTtlMs: number;
  /** what drawing the incarnation may take while the ping gate is passed */
  readonly prepareTimeoutMs: number;
  readonly describe: RegistrationOptions["describe"];
  /** makes the journal of this boot, on the registry's connection; called once. Default: there is none */
  readonly loadJournal?: ((registry: RedisClient, boot: Boot) => Promise<BootJournal>) | undefined;
  /** whether Redis is optional and has not passed the ping gate */
  readonly isDegraded: () => boolean;
  /** undefined where there is none; called once */
  readonly loadHealth: (() => Promise<HealthServer>) | undefined;
}

export class ServiceResources implements Resources {
  readonly #options: ResourcesOptions;
  #owned: RedisClient | undefined;
  #registryRedis: RedisClient | undefined;
  #registration: Registration | undefined;
  /** on its way since the boot */
  #health: Promise<HealthServer | undefined> | undefined;
  /** once its opening has begun */
  #opened: HealthServer | undefined;
  #journal: BootJournal | undefined;
  /** the connection that has passed the ping gate, and what the user lacks for the journal; undefined while none has */
  #passed: readonly [gated: RedisClient, missing: string] | undefined;
  /** aborts when every connection goes */
  readonly #closing = new AbortController();

  constructor(options: ResourcesOptions) {
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

  /** What `/readyz` answers; undefined before the opening of the health server. */
  get readiness(): Readiness | undefined {
    return this.#opened?.readiness;
  }

  preload(): void {
    // opening meets the same failure again, and reports it
    this.#theHealth().catch(() => {});
    // reported as a fact where it is loaded
    this.#loadJournal().catch(() => {});
  }

  async pingRedis({ signal }: Waiting): Promise<void> {
    if (this.#options.redis === null) return;
    const client = this.redis;
    this.#prepareEntry();
    const asked = this.#asking();
    await pingGate(client, {
      owned: this.#owned === client,
      signal,
      timeoutMs: this.#options.prepareTimeoutMs,
      check: asked.check,
    });
    this.#openJournal(client, asked.missing);
  }

  /** The check of the ping gate, and what the user may not do for the journal, empty until it has run. */
  #asking(): { readonly check: (redis: RedisClient) => Promise<void>; missing: string } {
    const { loadJournal } = this.#options;
    const asked = {
      missing: "",
      check: async (redis: RedisClient) => {
        asked.missing = await checkPermissions(redis, this.#options, { hasJournal: loadJournal !== undefined });
      },
    };
    return asked;
  }

  async #passGate(redis: RedisClient): Promise<void> {
    const asked = this.#asking();
    await checkFitness(redis, asked.check);
    this.#openJournal(redis, asked.missing);
  }

  #openJournal(...passed: [gated: RedisClient, missing: string]): void {
    this.#passed = passed;
    this.#journal?.open(...passed);
  }

  /** Loaded at the boot, beside the health server. Without it the service is the same. */
  async #loadJournal(): Promise<void> {
    const { redis, loadJournal } = this.#options;
    if (redis === null || loadJournal === undefined) return;
    const { entry } = this;
    this.#journal = await loadJournal(this.#registryRedis!, entry);
    if (this.#passed !== undefined) this.#journal.open(...this.#passed);
  }

  /** The registry's connection is made, and the incarnation drawn, while the gate is passed. Reads only; no step waits for it. */
  #prepareEntry(): void {
    const deadline = AbortSignal.timeout(this.#options.prepareTimeoutMs);
    // accepted mutant: a command on the registry's connection has a deadline of its own, and the close ends it
    void this.entry.prepare({ signal: AbortSignal.any([this.#closing.signal, deadline]) });
  }

  async openHealth(waiting: Waiting): Promise<void> {
    this.#opened = await this.#theHealth();
    await this.#opened?.open(waiting);
  }

  async closeHealth(waiting: Waiting): Promise<void> {
    await this.#opened?.close(waiting);
    // no probe comes any more: the thread ends beside the steps that are left
    this.#opened?.destroy();
  }

  async close({ signal }: Waiting): Promise<void> {
    this.#opened?.destroy();
    this.#journal?.end();
    this.#closing.abort(new Error("the service has stopped"));
    const ours = [this.#registryRedis, this.#owned];
    const health = until(this.#endHealth(), { signal, what: "the health server to end" }).catch(() => {});
    const unawaited = (client: RedisClient): number => this.#journal?.unanswered(client) ?? 0;
    const closed = ours.map((client) => client && closeRedis(client, { signal, unawaited: unawaited(client) }));
    await Promise.all([health, ...closed]);
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

  /** A health server that is still loading is destroyed once it is loaded, also after the wait for it has ended. */
  async #endHealth(): Promise<void> {
    const health = await this.#health;
    // equivalent mutant: an error here is ignored: there was nothing to destroy
    health?.destroy();
    // equivalent mutant: an error here is ignored: there was nothing to wait for
    await health?.gone();
  }

  /** Made, with a connection of its own, on first use. */
  get entry(): Registration {
    const { service, instance, leaseTtlMs, describe, isDegraded } = this.#options;
    this.#registryRedis ??= openRegistryConnection(this.redis);
    this.#registration ??= new Registration({
      redis: this.#registryRedis,
      service,
      instance,
      leaseTtlMs,
      describe,
      passGate: (redis) => (isDegraded() ? this.#passGate(redis) : undefined),
      journal: () => this.#journal?.part,
    });
    return this.#registration;
  }
}
