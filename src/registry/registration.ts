/** One boot of one instance in the registry: the only writer of its entry. */
import { randomBytes } from "node:crypto";
import type { LeaseAnswer, LeaseStatus, LeaseWrite } from "../../machines/index.ts";
import { StargazerError } from "../errors.ts";
import type { RedisClient } from "../redis/client.ts";
import { lastErrorOf, readyNow, whenReady } from "../redis/connection.ts";
import { reasonOf, withoutCommand } from "../redis/reason.ts";
import type { Script } from "../redis/script.ts";
import { runScript } from "../redis/script.ts";
import { clockFrom } from "../redis/time.ts";
import type { Waiting } from "../until.ts";
import { until } from "../until.ts";
import { endingPlace, knownText } from "./ends.ts";
import type { OwnDetails } from "./entry.ts";
import { entryText } from "./entry.ts";
import { registryKeys } from "./keys.ts";
import { deniedReason, isDenied } from "./permissions.ts";
import { deregisterScript, drawScript, registerScript, renewScript } from "./scripts.ts";
import type { TypedKey } from "./wrong-type.ts";
import { wrongTypeReason } from "./wrong-type.ts";

/** ms for which a tombstone refuses late writes; longer than any of them can be on its way. */
export const tombstoneMs = 60_000;

/** What the writes of an entry add to the journal. */
export interface JournalPart {
  readonly version: string;
  /** how the boot ends so far, behind what happened before it, as the items of a message */
  readonly ending: () => string;
  /** Called where Redis has not confirmed the write that had these items. */
  readonly endingLost: () => void;
  /** ms within which the last message follows the delete of the entry */
  readonly endsWithinMs: number;
  /** Called where the user may no longer write the journal; the entry is then written without it. */
  readonly turnOff: (reason: string) => void;
}

/** What one script is given beside the keys and the names of the entry. */
interface Call {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
}

export interface RegistrationOptions {
  /** the registry's own connection (`openRegistryConnection`) */
  readonly redis: RedisClient;
  readonly service: string;
  readonly instance: string;
  readonly leaseTtlMs: number;
  /** what the entry has of the service, read at each write; `uptimeMs` since its construction */
  readonly describe: () => OwnDetails & { readonly uptimeMs: number };
  /** hexadecimal; distinguishes boots that drew the same incarnation. Default: random */
  readonly boot?: string;
  /** has Redis pass the ping gate before `register`, where it has not yet. Default: it has passed */
  readonly passGate?: (redis: RedisClient) => Promise<void> | undefined;
  /** the journal's part in the writes; undefined while there is none */
  readonly journal?: () => JournalPart | undefined;
  /** the clock that measures, in ms. Default: the system's */
  readonly now?: () => number;
}

/**
 * Every call rejects with `SG_ERR_REGISTRY` when Redis does not confirm it (its outcome is then unknown), and with the signal's
 * reason when the signal aborts first; nothing more of the call is sent afterwards. Calls may be repeated; they are written in order.
 */
export class Registration {
  readonly #options: RegistrationOptions;
  readonly #boot: string;
  readonly #keys: readonly string[];
  readonly #journalKeys: readonly string[];
  #preparing: Promise<void> | undefined;
  #incarnation: number | undefined;
  /** whether a write may be on its way: without one there is nothing to delete */
  #wrote = false;
  #status: LeaseStatus | undefined;
  #since = 0;
  #startedAt: number | undefined;
  /** the time of Redis, once the incarnation is drawn: readers on other machines measure by it, and no wall clock is set in it */
  #redisTime = (): number => 0;

  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#boot = options.boot ?? randomBytes(8).toString("hex");
    const { redis, service, instance } = options;
    const keys = registryKeys(redis);
    this.#keys = [
      keys.service(service, instance),
      keys.released(service, instance),
      keys.index(service),
      keys.services,
      keys.events,
    ];
    this.#journalKeys = [keys.known(service), keys.journal, keys.ending];
  }

  /** Hexadecimal; of this boot. */
  get boot(): string {
    return this.#boot;
  }

  /** Drawn before the first write, then kept. */
  get incarnation(): number | undefined {
    return this.#incarnation;
  }

  /**
   * Connects and draws the incarnation ahead of `register`, which does again what fails here and rejects with the reason. Never
   * rejects. A call during another one returns the same promise.
   */
  prepare({ signal }: Waiting): Promise<void> {
    // equivalent mutant: an error here is ignored, and register draws again
    this.#preparing ??= this.#guarded("prepare", signal, () => this.#draw(signal))
      .catch(() => {})
      .finally(() => {
        this.#preparing = undefined;
      });
    return this.#preparing;
  }

  /** Writes the entry. `superseded`: a newer boot has it. Rejects after `deregister` of this boot or a newer one. */
  async register(write: LeaseWrite, { signal }: Waiting): Promise<LeaseAnswer> {
    if (this.#preparing) await until(this.#preparing, { signal, what: "the incarnation" });
    return this.#guarded("register", signal, async () => {
      await this.#passGate(signal);
      await this.#draw(signal);
      return this.#answer(await this.#write(registerScript, (journal) => this.#body(write.status, true, journal), signal));
    });
  }

  /** Prolongs the entry, and rewrites it when `changed`. `gone`: this boot has no entry. `superseded`: a newer boot has it. */
  renew(write: LeaseWrite, { signal }: Waiting): Promise<LeaseAnswer> {
    return this.#guarded("renew", signal, async () => {
      if (this.#incarnation === undefined) return { type: "gone" };
      const body = (journal: JournalPart | undefined) => this.#body(write.status, write.changed, journal);
      return this.#answer(await this.#write(renewScript, body, signal));
    });
  }

  /** Deletes the entry. Resolves once Redis has confirmed it and refuses late writes of this boot; at once if no write was sent. */
  async deregister({ signal }: Waiting): Promise<void> {
    if (!this.#wrote) return;
    await this.#guarded("deregister", signal, async () => {
      // the last write has no later attempt
      await readyNow(this.#options.redis, { signal });
      await this.#write(deregisterScript, (journal) => this.#deregistration(journal), signal).catch((error: unknown) => {
        this.#options.journal?.()?.endingLost();
        throw error;
      });
    });
  }

  async #guarded<T>(what: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const { redis, service, instance } = this.#options;
    try {
      signal.throwIfAborted();
      return await until(this.#connect(signal).then(work), { signal, what: `the reply to ${what}` });
    } catch (error) {
      if (error instanceof StargazerError) throw error;
      const cause = lastErrorOf(redis) ?? withoutCommand(error);
      const found = this.#findReason(error);
      const reason = (await until(found, { signal, what: "the reason of the refusal" })) ?? reasonOf(cause);
      throw new StargazerError("SG_ERR_REGISTRY", `cannot ${what} ${service}/${instance}: ${reason}`, { cause });
    }
  }

  /** The key or command that Redis refuses, where its error leaves it out. */
  async #findReason(error: unknown): Promise<string | undefined> {
    const { redis } = this.#options;
    return (await wrongTypeReason(redis, error, this.#typedKeys)) ?? (await deniedReason(redis, error, this.#options));
  }

  get #typedKeys(): readonly TypedKey[] {
    const types = ["string", "string", "zset", "set", "stream"] as const;
    return types.map((type, at) => ({ key: this.#keys[at]!, type }));
  }

  /** A connection that reconnects by its own schedule is not waited for: the lease repeats its writes by a schedule of its own. */
  async #connect(signal: AbortSignal): Promise<void> {
    const { redis } = this.#options;
    // accepted mutant: an open connection is ready at once: the same with one turn more
    if (redis.status === "wait" || redis.status === "end") await whenReady(redis, { reopen: true, signal });
    signal.throwIfAborted();
  }

  /** An optional Redis may have been refused at the boot. */
  async #passGate(signal: AbortSignal): Promise<void> {
    const { redis, passGate } = this.#options;
    await passGate?.(redis);
    signal.throwIfAborted();
  }

  async #draw(signal: AbortSignal): Promise<void> {
    // equivalent mutant: a second draw is thrown away; one round trip more is seen by its own test
    if (this.#incarnation !== undefined) return;
    // equivalent mutant: the script reads the first two
    const drawn = await runScript(this.#options.redis, drawScript, { keys: this.#keys.slice(0, 2), args: [], signal });
    signal.throwIfAborted();
    if (this.#incarnation !== undefined) return;
    this.#incarnation = Number(drawn);
    this.#redisTime = clockFrom(this.#incarnation / 1000, this.#options.now);
  }

  /** A user who may not write the journal, or no longer, writes the entry without it. */
  async #write(script: Script, callOf: (journal?: JournalPart) => Call, signal: AbortSignal): Promise<unknown> {
    this.#wrote = true;
    const journal = this.#options.journal?.();
    try {
      return await this.#run(script, callOf(journal), signal);
    } catch (error) {
      if (journal === undefined || !isDenied(error)) throw error;
      signal.throwIfAborted();
      const reply = await this.#run(script, callOf(), signal);
      journal.turnOff(reasonOf(withoutCommand(error)));
      return reply;
    }
  }

  #run(script: Script, { keys, args }: Call, signal: AbortSignal): Promise<unknown> {
    const { redis, service, instance } = this.#options;
    const all = [String(this.#incarnation), this.#boot, service, instance, ...args];
    return runScript(redis, script, { keys: [...this.#keys, ...keys], args: all, signal });
  }

  #body(status: LeaseStatus, whole: boolean, journal: JournalPart | undefined): Call {
    if (status !== this.#status) this.#since = this.#redisTime();
    this.#status = status;
    const args = [this.#options.leaseTtlMs, whole ? this.#text(status) : "", status, this.#since];
    if (journal === undefined || !whole) return { keys: [], args };
    return { keys: this.#journalKeys.slice(0, 1), args: [...args, knownText(status, this.#boot, journal.version)] };
  }

  #text(status: LeaseStatus): string {
    const { service, instance, describe } = this.#options;
    const { uptimeMs, ...details } = describe();
    this.#startedAt ??= Math.round(this.#redisTime() - uptimeMs);
    const own = { service, instance, status, incarnation: this.#incarnation!, boot: this.#boot, since: this.#since };
    return entryText({ ...details, ...own, startedAt: this.#startedAt });
  }

  #deregistration(journal: JournalPart | undefined): Call {
    if (journal === undefined) return { keys: [], args: [tombstoneMs] };
    const { version, ending, endsWithinMs } = journal;
    const place = endingPlace(this.#boot, this.#options.service, version);
    return { keys: this.#journalKeys, args: [tombstoneMs, version, ending(), place, endsWithinMs] };
  }

  #answer(reply: unknown): LeaseAnswer {
    const [word, host, pid] = reply as [string, string, string];
    if (word === "ok" || word === "gone") return { type: word };
    if (word === "superseded") return { type: "superseded", twin: { host, pid: Number(pid) } };
    const { service, instance } = this.#options;
    throw new StargazerError(
      "SG_ERR_REGISTRY",
      `cannot register ${service}/${instance}: this boot, or a newer one, has deregistered`,
    );
  }
}
