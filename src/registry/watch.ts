/**
 * Following the registry: its event stream for what was published, its index for leases that ended, and a full listing now and then
 * for what both missed (a trimmed stream, a flush). One step after the other: a step that fails is an outage, and a listing ends it.
 */
import { setImmediate as turn } from "node:timers/promises";
import { systemClock } from "../clock.ts";
import { pause } from "../pause.ts";
import type { RedisClient } from "../redis/client.ts";
import { whenReady } from "../redis/connection.ts";
import { runScript } from "../redis/script.ts";
import { withDeadline } from "../until.ts";
import type { InstanceName, RegistryEntry } from "./entry.ts";
import { EventStream } from "./event-stream.ts";
import type { RegistryEvent, StreamEvent } from "./events.ts";
import { FleetView, nameOf } from "./fleet-view.ts";
import { registryKeys } from "./keys.ts";
import { checkWatcher, isDenied } from "./permissions.ts";
import { listServices } from "./reading.ts";
import { reapScript } from "./scripts.ts";
import { unreadable } from "./unreadable.ts";
import { VanishWatch } from "./vanish-watch.ts";
import { isWrongType } from "./wrong-type.ts";

/** all in ms */
const reapEveryMs = 250;
const syncEveryMs = 30_000;
const stepTimeoutMs = 2000;
const vanishWindowMs = 15_000;
const retryMs = 500;

/** ended leases that one call takes out of an index */
const reapLimit = 1000;

/** What the watch needs of the registry. */
interface Readable {
  list(serviceName: string | undefined, options: { signal: AbortSignal }): Promise<RegistryEntry[]>;
  read(names: readonly InstanceName[]): Promise<RegistryEntry[]>;
}

export interface WatchOptions {
  readonly redis: RedisClient;
  readonly registry: Readable;
  readonly serviceName: string | undefined;
  readonly signal: AbortSignal;
}

/** Ends when the signal aborts, in a later turn of the event loop where it had aborted before. Throws `SG_ERR_REGISTRY` where Redis cannot be read at the beginning. */
export async function* watchRegistry(options: WatchOptions): AsyncGenerator<RegistryEvent, void, undefined> {
  if (options.signal.aborted) return turn();
  const watch = new Watch(options);
  try {
    for (const event of await watch.begin()) yield event;
    for (;;) {
      const error = yield* stepsOf(watch, options.signal);
      yield await watch.outage(error);
      for (const event of await watch.recovered()) yield event;
    }
  } catch (error) {
    if (!options.signal.aborted) throw error;
  } finally {
    await watch.close();
  }
}

/** The events of each step, until one fails. Returns why it failed. */
async function* stepsOf(watch: Watch, signal: AbortSignal): AsyncGenerator<RegistryEvent, unknown, undefined> {
  for (;;) {
    try {
      for (const event of await watch.step()) yield event;
    } catch (error) {
      signal.throwIfAborted();
      return error;
    }
  }
}

class Watch {
  readonly #options: WatchOptions;
  readonly #stream: EventStream;
  readonly #view = new FleetView();
  readonly #vanish = new VanishWatch(vanishWindowMs);
  /** those that have an index, which is reaped */
  readonly #services = new Set<string>();
  /** the id of the last event that was taken in */
  #position = "0-0";
  #reapedAt = Number.NEGATIVE_INFINITY;
  #listedAt = Number.NEGATIVE_INFINITY;
  #hasJournal = true;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#stream = new EventStream(options.redis);
  }

  /** The stream's end is read before the listing, so that no event falls between the two. */
  async begin(): Promise<RegistryEvent[]> {
    const { redis } = this.#options;
    try {
      await this.#soon((signal) => whenReady(redis, { reopen: false, signal }));
      await checkWatcher(redis);
      this.#position = await this.#soon(() => this.#stream.end());
      return this.#withSynced(await this.#list());
    } catch (error) {
      this.#options.signal.throwIfAborted();
      throw await unreadable(redis, error);
    }
  }

  /** What happened since the last step, within `reapEveryMs` as a rule. */
  async step(): Promise<RegistryEvent[]> {
    if (systemClock.now() - this.#listedAt > syncEveryMs) return this.#list();
    const events = await this.#news();
    await this.#reap();
    return events;
  }

  /** The warning that begins an outage. */
  async outage(error: unknown): Promise<RegistryEvent> {
    await this.#stream.drop();
    const { redis } = this.#options;
    const refused = isDenied(error) ? await checkWatcher(redis).catch((refusal: unknown) => refusal) : undefined;
    const { message } = await unreadable(redis, refused ?? error);
    return { type: "stale", reason: "unreachable", message };
  }

  /** Everything that a step needs has to work again, or the all-clear would be followed by the next warning. */
  async recovered(): Promise<RegistryEvent[]> {
    const { signal } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#soon((deadline) => this.#stream.ready({ signal: deadline }));
        await this.#soon(() => this.#stream.end());
        return this.#withSynced(await this.#list());
      } catch {
        await pause(retryMs, { signal });
      }
    }
  }

  /** Leaves no connection. */
  close(): Promise<void> {
    return this.#stream.close({ signal: AbortSignal.timeout(stepTimeoutMs) });
  }

  /** One call to Redis: rejects when the watch ends, and when the call takes too long. */
  #soon<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline(work, { ms: stepTimeoutMs, what: "a reply from the registry", signal: this.#options.signal });
  }

  async #news(): Promise<RegistryEvent[]> {
    await this.#soon((either) => this.#stream.ready({ signal: either }));
    const { events, last } = await this.#soon(() => this.#stream.read({ after: this.#position, blockMs: reapEveryMs }));
    for (const { service } of events) this.#services.add(service);
    const ours = events.filter((event) => this.#concerns(event));
    const entries = await this.#soon(() => this.#entriesOf(ours));
    this.#position = last;
    return this.#judge(ours.flatMap((event) => this.#view.apply(event, entries.get(nameOf(event))) ?? []));
  }

  #concerns({ service }: StreamEvent): boolean {
    const { serviceName = service } = this.#options;
    return service === serviceName;
  }

  async #entriesOf(events: readonly StreamEvent[]): Promise<Map<string, RegistryEntry>> {
    const names = new Map(events.map((event) => [nameOf(event), event]));
    const entries = names.size === 0 ? [] : await this.#options.registry.read([...names.values()]);
    return new Map(entries.map((entry) => [nameOf(entry), entry]));
  }

  /** Publishes the leases that have ended; the next step reads them as every watcher does. */
  async #reap(): Promise<void> {
    const now = systemClock.now();
    if (now - this.#reapedAt < reapEveryMs) return;
    this.#reapedAt = now;
    const { redis, serviceName } = this.#options;
    const keys = registryKeys(redis);
    const services = serviceName === undefined ? [...this.#services] : [serviceName];
    const reaped = services.map(async (service) => {
      const own = [keys.index(service), keys.services, keys.events, keys.service(service, "")];
      const journal = this.#hasJournal ? [keys.known(service), keys.journal, keys.ends] : [];
      const call = { keys: [...own, ...journal], args: [service, reapLimit] };
      const left = await runScript(redis, reapScript, call).catch((error: unknown) => {
        // a reader that may not write the journal leaves that to others
        if (this.#hasJournal && isDenied(error)) {
          this.#hasJournal = false;
          return 1;
        }
        // a listing reports it
        if (!isWrongType(error)) throw error;
        return 0;
      });
      // its next registration is an event, which adds it again
      if (left === 0) this.#services.delete(service);
    });
    await this.#soon(() => Promise.all(reaped));
  }

  async #list(): Promise<RegistryEvent[]> {
    const { redis, registry, serviceName, signal } = this.#options;
    const listed = await registry.list(serviceName, { signal });
    this.#listedAt = systemClock.now();
    // a service of which all instances were killed is not listed, and its leases have ended all the same
    if (serviceName === undefined) for (const service of await this.#soon(() => listServices(redis))) this.#services.add(service);
    return this.#judge(this.#view.sync(listed));
  }

  /** Puts the warning before the expiries that it is about, and the all-clear behind the event that brought it. */
  #judge(events: RegistryEvent[]): RegistryEvent[] {
    const before = this.#vanish.vanished;
    const ended = events.filter(({ type }) => type === "expired").length;
    this.#vanish.note({ ended, remaining: this.#view.size, now: systemClock.now() });
    const { vanished } = this.#vanish;
    if (before > 0 && vanished === 0) return this.#withSynced(events);
    if (before > 0 || vanished === 0) return events;
    const message = `${vanished} of ${vanished + this.#view.size} instances expired at once; Redis or the network may be at fault.`;
    return [{ type: "stale", reason: "vanished", message }, ...events];
  }

  /** The all-clear behind `events`, once, unless most of the fleet has vanished. */
  #withSynced(events: RegistryEvent[]): RegistryEvent[] {
    if (this.#vanish.vanished > 0 || events.at(-1)?.type === "synced") return events;
    return [...events, { type: "synced", entries: this.#view.size }];
  }
}
