/** One watch of the registry for any number of readers: each gets every known entry, then each change, at its own pace. */
import type { StateWords } from "../../../machines/index.ts";
import { lifecycleMachine, statesOf, takesWork } from "../../../machines/index.ts";
import { messageOf } from "../../errors.ts";
import { eventText } from "../../http/event-stream.ts";
import type { WordedLogger } from "../../logger.ts";
import { pause } from "../../pause.ts";
import { isRecord } from "../../record.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { RegistryEntry, RegistryEvent } from "../../registry/registry.ts";
import { Registry } from "../../registry/registry.ts";
import { FleetLog, LogReader } from "./fleet-log.ts";

/** A state that an entry may be in, as the page shows it. */
export interface FleetState extends StateWords {
  /** whether a service in it takes work */
  readonly takesWork: boolean;
}

/** `reset` comes first and whenever every entry that was sent before is void. */
export type FeedEvent = RegistryEvent | { readonly type: "reset"; readonly states: readonly FleetState[] };

const states = statesOf(lifecycleMachine).map((state) => ({ ...state, takesWork: takesWork(state.name) }));
const reset = eventText({ data: { type: "reset", states } satisfies FeedEvent });

const retryMs = 1000;
/** characters of one write */
const pieceLength = 65_536;
/** the log's name of the condition; an instance's name has a colon */
const conditionName = "condition";
const nameOf = ({ service, instance }: RegistryEntry): string => `${service}:${instance}`;

const isGone = (type: RegistryEvent["type"]): boolean => type === "deregistered" || type === "expired";

/** Where a reader's events go. */
export interface FeedSink {
  write(text: string): void;
  /** whether it takes more; if not, `resume` has to be called once it does */
  readonly hasRoom: boolean;
}

export interface Subscription {
  /** Sends what the sink has room for. Legal at any time. */
  resume(): void;
  end(): void;
}

export class FleetFeed {
  readonly #log = new FleetLog();
  readonly #gateways = new Map<string, RegistryEntry>();
  /** sends one reader what its sink has room for */
  readonly #readers = new Set<() => void>();
  #condition: RegistryEvent = { type: "stale", reason: "unreachable", message: "The registry has not been read yet." };

  constructor() {
    this.#begin();
  }

  /** Watches the registry until `signal` aborts; begins anew 1 s after an error. */
  async run(redis: RedisClient, { signal, log }: { readonly signal: AbortSignal; readonly log: WordedLogger }): Promise<void> {
    const registry = new Registry(redis, {
      onSkipped: (key) => log.warn({ type: "registry.skipped", key }, `an entry cannot be read and is left out: ${key}`),
    });
    while (!signal.aborted) {
      try {
        this.#begin();
        for await (const event of registry.watch(undefined, { signal })) this.#take(event);
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ type: "feed.failed", reason: messageOf(error) }, `the registry cannot be read: ${messageOf(error)}`);
        this.#take({ type: "stale", reason: "unreachable", message: messageOf(error) });
        await pause(retryMs, { signal });
      }
    }
  }

  /**
   * Sends `sink` every known entry and each change from now on, in pieces, as it has room. With the id of an event, only what came
   * after it, if that is still known.
   */
  subscribe(sink: FeedSink, lastEventId?: string): Subscription {
    let reader = new LogReader(this.#log, lastEventId);
    sink.write(reader.isResumed ? eventText({ data: this.#condition }) : reset);
    const resume = () => {
      if (reader.isLost) {
        reader = new LogReader(this.#log, undefined);
        sink.write(reset);
      }
      while (sink.hasRoom) {
        const piece = reader.next(pieceLength);
        if (piece === "") return;
        sink.write(piece);
      }
    };
    this.#readers.add(resume);
    resume();
    return { resume, end: () => void this.#readers.delete(resume) };
  }

  /** Where the gateways that take work listen. */
  get gateways(): readonly unknown[] {
    const working = [...this.#gateways.values()].filter(({ status }) => takesWork(status));
    return working.flatMap(({ metadata: { http } }) => (isRecord(http) ? { host: http.host, port: http.port } : []));
  }

  #begin(): void {
    this.#log.clear();
    this.#gateways.clear();
    this.#put(conditionName, this.#condition);
  }

  #take(event: RegistryEvent): void {
    const isCondition = event.type === "stale" || event.type === "synced";
    if (isCondition) this.#condition = event;
    else this.#keepGateway(event);
    this.#put(isCondition ? conditionName : nameOf(event.entry), event);
  }

  #keepGateway({ type, entry }: Extract<RegistryEvent, { entry: RegistryEntry }>): void {
    if (entry.service !== "gateway") return;
    if (isGone(type)) this.#gateways.delete(nameOf(entry));
    else this.#gateways.set(nameOf(entry), entry);
  }

  #put(name: string, event: RegistryEvent): void {
    this.#log.put(name, event, { isGone: isGone(event.type) });
    for (const resume of this.#readers) resume();
  }
}
