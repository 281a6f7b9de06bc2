/** One watch of the registry for any number of readers: each gets every known entry, then each change. */
import type { StateWords } from "../../../machines/index.ts";
import { lifecycleMachine, statesOf, takesWork } from "../../../machines/index.ts";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import { pause } from "../../pause.ts";
import { isRecord } from "../../record.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { RegistryEntry, RegistryEvent } from "../../registry/registry.ts";
import { Registry } from "../../registry/registry.ts";

/** A state that an entry may be in, as the page shows it. */
export interface FleetState extends StateWords {
  /** whether a service in it takes work */
  readonly takesWork: boolean;
}

/** `reset` comes first and whenever every entry that was sent before is void. */
export type FeedEvent = RegistryEvent | { readonly type: "reset"; readonly states: readonly FleetState[] };
type Reader = (event: FeedEvent) => void;

const states = statesOf(lifecycleMachine).map((state) => ({ ...state, takesWork: takesWork(state.name) }));
const reset: FeedEvent = { type: "reset", states };

const retryMs = 1000;
const nameOf = ({ service, instance }: RegistryEntry): string => `${service}:${instance}`;

export class FleetFeed {
  readonly #entries = new Map<string, RegistryEntry>();
  readonly #readers = new Set<Reader>();
  #condition: FeedEvent = { type: "stale", reason: "unreachable", message: "The registry has not been read yet." };

  /** Watches the registry until `signal` aborts; begins anew 1 s after an error. */
  async run(redis: RedisClient, { signal, log }: { readonly signal: AbortSignal; readonly log: Logger }): Promise<void> {
    const registry = new Registry(redis, { onSkipped: (key) => log.warn({ type: "registry.skipped", key }) });
    while (!signal.aborted) {
      try {
        this.#begin();
        for await (const event of registry.watch(undefined, { signal })) this.#take(event);
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ type: "feed.failed", reason: messageOf(error) });
        this.#take({ type: "stale", reason: "unreachable", message: messageOf(error) });
        await pause(retryMs, { signal });
      }
    }
  }

  /** Sends `reader` every known entry now and each change from now on, until the returned function is called. */
  subscribe(reader: Reader): () => void {
    reader(reset);
    for (const entry of this.#entries.values()) reader({ type: "registered", entry });
    reader(this.#condition);
    this.#readers.add(reader);
    return () => void this.#readers.delete(reader);
  }

  /** Where the gateways that take work listen. */
  get gateways(): readonly unknown[] {
    const working = [...this.#entries.values()].filter(({ service, status }) => service === "gateway" && takesWork(status));
    return working.flatMap(({ metadata: { http } }) => (isRecord(http) ? { host: http.host, port: http.port } : []));
  }

  #begin(): void {
    this.#entries.clear();
    for (const reader of this.#readers) reader(reset);
  }

  #take(event: RegistryEvent): void {
    if (event.type === "registered" || event.type === "updated") this.#entries.set(nameOf(event.entry), event.entry);
    else if (event.type === "deregistered" || event.type === "expired") this.#entries.delete(nameOf(event.entry));
    else this.#condition = event;
    for (const reader of this.#readers) reader(event);
  }
}
