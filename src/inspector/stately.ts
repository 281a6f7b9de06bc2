/**
 * Stately's inspector, through `@statelyai/inspect` and nothing else of its transports: its WebSocket client retries for ever and
 * keeps the process alive, its relay listens on every interface, and its converter works in a timer, where an error would be an
 * uncaught one of the service. What is used is `createInspector` with an adapter of ours.
 */
import type { StatelyInspectionEvent } from "@statelyai/inspect";
import type { AnyActorRef, InspectionEvent } from "xstate";
import { messageOf, StargazerError } from "../errors.ts";
import type { StargazerService } from "../service/service.ts";
import { ReceiverSocket } from "./receiver.ts";
import { openRelay } from "./relay.ts";
import type { StatelySink } from "./sink.ts";
import { slim, slimSnapshot } from "./slim.ts";

export interface StatelyOptions {
  /** a receiver of the protocol; without one a relay of ours, on loopback */
  readonly url: string | undefined;
  /** Called at most once, with the reason. */
  readonly onBroken: (why: string) => void;
}

type Stately = typeof import("@statelyai/inspect");
type Inspector = ReturnType<Stately["createInspector"]>;

/** events that are kept while the package is loading */
const maxEarly = 200;

const load = async (): Promise<Stately> => {
  try {
    return await import("@statelyai/inspect");
  } catch (cause) {
    const message = `Stately's inspector needs the package @statelyai/inspect: npm install @statelyai/inspect (${messageOf(cause)})`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
  }
};

/** Resolves when the inspector listens or tries to connect. Rejects with `SG_ERR_CONFIG_INVALID` where the package is not installed. */
export const openStately = async (service: StargazerService, { url, onBroken }: StatelyOptions): Promise<StatelyFeed> => {
  const feed = new StatelyFeed(service, onBroken);
  try {
    const { createInspector } = await load();
    feed.begin(createInspector, url === undefined ? await openRelay() : new ReceiverSocket(url, (why) => feed.break(why)));
    return feed;
  } catch (error) {
    await feed.close();
    throw error;
  }
};

export class StatelyFeed {
  readonly #known = new Set<string>();
  readonly #early: InspectionEvent[] = [];
  readonly #endings: (() => void)[];
  readonly #onBroken: (why: string) => void;
  #inspector: Inspector | undefined;
  #sink: StatelySink | undefined;
  #rootId: string | undefined;

  constructor(service: StargazerService, onBroken: (why: string) => void) {
    this.#onBroken = onBroken;
    const inspection = service.actor.inspect((event) => this.#take(event));
    const unsubscribe = service.onFact(({ type }) => {
      if (type === "stopped") void this.close();
    });
    this.#endings = [() => inspection.unsubscribe(), unsubscribe];
    if (service.actor.getSnapshot().status !== "active") void this.close();
  }

  get url(): string | undefined {
    return this.#sink?.url;
  }

  begin(createInspector: Stately["createInspector"], sink: StatelySink): void {
    this.#sink = sink;
    this.#inspector = createInspector({ send: (event) => this.#send(event) });
    for (const event of this.#early.splice(0)) this.#take(event);
    // the service may have stopped, or the receiver broken, in the meantime
    if (this.#endings.length === 0) void sink.close();
  }

  /** Ends the inspection and calls `onBroken`; a second call has no effect. */
  break(why: string): void {
    if (this.#endings.length === 0) return;
    this.#onBroken(why);
    void this.close();
  }

  /** Ends the watch; resolves when what was sent is written or given up. Never rejects; legal any number of times. */
  async close(): Promise<void> {
    for (const end of this.#endings.splice(0)) end();
    this.#known.clear();
    await this.#sink?.close();
  }

  #take(event: InspectionEvent): void {
    if (this.#inspector === undefined) {
      this.#early.push(event);
      if (this.#early.length > maxEarly) this.#early.shift();
      return;
    }
    try {
      this.#pass(this.#inspector, event);
    } catch (error) {
      this.break(messageOf(error));
    }
  }

  #pass(inspector: Inspector, event: InspectionEvent): void {
    const actor = event.actorRef as AnyActorRef;
    if (event.type === "@xstate.event") {
      this.#introduce(inspector, actor);
      const source = event.sourceRef as AnyActorRef | undefined;
      inspector.event(actor, slim(event.event) as typeof event.event, source === undefined ? {} : { source });
    } else if (event.type === "@xstate.snapshot") {
      this.#introduce(inspector, actor);
      inspector.snapshot(actor, slimSnapshot(event.snapshot), { event: slim(event.event) as typeof event.event });
      if (event.snapshot.status !== "active") this.#known.delete(actor.sessionId);
    }
  }

  /** Parents first; an actor that is older than the watch is introduced with its first event. */
  #introduce(inspector: Inspector, actor: AnyActorRef): void {
    if (this.#known.has(actor.sessionId)) return;
    if (actor._parent === undefined) this.#rootId = actor.sessionId;
    else this.#introduce(inspector, actor._parent);
    this.#known.add(actor.sessionId);
    const snapshot = actor.getSnapshot();
    inspector.actor(actor, snapshot === undefined ? { status: "active" } : slimSnapshot(snapshot));
  }

  #send(event: StatelyInspectionEvent): void {
    const isMachine = event.type === "@xstate.actor" && event.definition !== undefined;
    this.#sink?.send(JSON.stringify({ ...event, rootId: this.#rootId }), isMachine);
  }
}
