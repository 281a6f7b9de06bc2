/**
 * The chart of the health port on its real actors: real threads, Fastify, ports and checks. What an actor reports is held until the
 * test asks for it, so that every order of events can be had.
 */
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import type { CallbackActorLogic, EventObject, InspectionEvent } from "xstate";
import { createActor, fromCallback, fromPromise } from "xstate";
import type { CheckSettings, HealthPortActor, HealthPortInput, HealthPortSnapshot } from "../../machines/index.ts";
import { healthPortMachine, statePath } from "../../machines/index.ts";
import { providedHealthPort, provideParts } from "../../src/health/actors.ts";
import { containedAnswer } from "../../src/health/answers.ts";
import { LazyApp } from "../../src/health/lazy-app.ts";
import { LoadMeter } from "../../src/health/load-meter.ts";
import { LoopWatch } from "../../src/health/loop-watch.ts";
import { RuntimeMeter } from "../../src/health/runtime-meter.ts";
import { BoardWriter } from "../../src/health/thread/board.cjs";
import { HeldClock, settles } from "./gates.ts";
import type { TurnedSource } from "./health-source.ts";
import { turnedSource } from "./health-source.ts";
import { ask } from "./http-client.ts";
import type { Model, ModelEvent, TakenTransition } from "./model.ts";
import { takenName } from "./model.ts";
import type { UnderTest } from "./model-paths.ts";

const host = "127.0.0.1";
const times = { intervalMs: 1000, timeoutMs: 700 };
const settings: CheckSettings = { check: "model", kind: "readiness", failures: 3, successes: 1 };
const verdict = { check: "model", kind: "readiness", passing: false, failures: 1, reason: "model" } as const;
const error = new Error("model");
const inert = fromCallback(() => {});
const never = fromPromise<never, never>(() => new Promise<never>(() => {}));

const isBound = (snapshot: HealthPortSnapshot): boolean => snapshot.hasTag("bound");
const offeredWhile = (event: ModelEvent, when: (snapshot: HealthPortSnapshot) => boolean) => (snapshot: HealthPortSnapshot) =>
  when(snapshot) ? [event] : [];

/** One configuration of a port. */
export interface Variant {
  readonly hasThread: boolean;
  /** whether a check runs beside it */
  readonly isChecked: boolean;
}

const isDue = (snapshot: HealthPortSnapshot): boolean => /checks\.due/.test(statePath(snapshot));
const inputOf = ({ hasThread, isChecked }: Variant, port = 0): HealthPortInput => ({
  wanted: { host, port },
  hasThread,
  checks: isChecked ? [settings] : [],
});

/** The chart as a model, for one configuration. What a route or the loop reports is offered while a route can be asked. */
export const healthPortModel = ({ hasThread, isChecked }: Variant): Model<HealthPortSnapshot> => ({
  machine: healthPortMachine.provide({
    actors: Object.fromEntries(
      Object.keys(healthPortMachine.implementations.actors).map((name) => [name, name === "loadApp" ? never : inert]),
    ) as never,
  }) as never,
  input: inputOf({ hasThread, isChecked }),
  key: ({ value, context }) => [value, context.closing],
  place: (snapshot) => `${statePath(snapshot)}${snapshot.context.closing ? ", to close" : ""}`,
  payloads: {
    destroy: () => [{ type: "destroy", error }],
    "port.listening": () => [{ type: "port.listening", address: { host, port: 1 } }],
    "port.refused": () => [{ type: "port.refused", error }],
    "thread.exited": () => [{ type: "thread.exited", reason: "it ended by itself" }],
    "check.judged": offeredWhile({ type: "check.judged", verdict }, (snapshot) => isChecked && isDue(snapshot)),
    "loop.blocked": offeredWhile({ type: "loop.blocked", blockedMs: 2000 }, isBound),
    "metrics.failed": offeredWhile({ type: "metrics.failed", reason: "model" }, isBound),
    "metrics.restored": offeredWhile({ type: "metrics.restored" }, isBound),
    "health.server.failed": offeredWhile({ type: "health.server.failed", reason: "model" }, isBound),
    "health.request.failed": offeredWhile({ type: "health.request.failed", url: "/status", reason: "model" }, isBound),
  },
});

/** No real part causes these: a listener that fails after it listened. The service has no metrics of its own. */
export const isForcedHere = (_: unknown, { type }: ModelEvent): boolean =>
  type === "health.server.failed" || type.startsWith("metrics.");

type Callback = (scope: { receive(listener: (event: EventObject) => void): void; sendBack(event: EventObject): void }) => unknown;

/** Time stands still until the test reports a blocked loop. */
class BlockableClock extends HeldClock {
  time = 0;
  override now(): number {
    return this.time;
  }
}

export class HealthPortUnderTest implements UnderTest<HealthPortSnapshot> {
  readonly #actor: HealthPortActor;
  readonly #app: LazyApp;
  readonly #watch: LoopWatch;
  readonly #checkClock = new HeldClock();
  readonly #loopClock = new BlockableClock();
  /** what an actor has reported, by its name and the event's type */
  readonly #reports = new Map<string, () => void>();
  readonly #blockers: Server[] = [];
  /** whether the port of a thread that exits is taken before the main thread can listen on it */
  readonly #movesInVain: boolean;
  /** ends the thread as if by itself */
  #crash = () => {};
  #failed = () => {};
  readonly #source: TurnedSource;

  static async make(own: Variant, events: readonly ModelEvent[], onTaken: (name: string) => void): Promise<HealthPortUnderTest> {
    const outcomes = events.filter(({ type }) => type === "port.listening" || type === "port.refused");
    const [opening, moving] = outcomes.map(({ type }) => type);
    const blockers = opening === "port.refused" ? [await blockerOn(0)] : [];
    const port = (blockers[0]?.address() as AddressInfo | undefined)?.port ?? 0;
    return new HealthPortUnderTest(inputOf(own, port), blockers, moving === "port.refused", onTaken);
  }

  private constructor(
    input: HealthPortInput,
    blockers: readonly Server[],
    movesInVain: boolean,
    onTaken: (name: string) => void,
  ) {
    this.#blockers.push(...blockers);
    this.#movesInVain = movesInVain;
    this.#actor = createActor(this.#machine(), {
      input,
      inspect: (event: InspectionEvent) => {
        if (event.type === "@xstate.microstep" && event.actorRef.sessionId === event.rootId)
          for (const transition of event._transitions) onTaken(takenName(transition as unknown as TakenTransition));
      },
    }) as HealthPortActor;
    const source = turnedSource({
      checks: input.checks.map((own) => ({ ...own, ...times, run: () => this.#check() })),
      status: () => {
        throw error;
      },
    });
    this.#source = source;
    const onFact = (fact: Parameters<HealthPortActor["send"]>[0]) => this.#actor.send(fact);
    const onBlocked = (blockedMs: number) => this.#actor.send({ type: "loop.blocked", blockedMs });
    const watched = { maxDelayMs: 1000, holdMs: 1000, clock: this.#loopClock, onBlocked, onBeat: () => {} };
    this.#watch = new LoopWatch(watched);
    const judge = () => ({ ready: true }) as const;
    const checks = () => this.#snapshot.context.verdicts;
    const limits = { maxDelayMs: 60_000, sampleMs: 1000 };
    const runtime = new RuntimeMeter();
    const parts = { source, watch: this.#watch, checks, judge, runtime, own: undefined };
    this.#app = new LazyApp({ ...parts, host, allowedHosts: [], leaving: () => false, ...limits, onFact });
    const meter = new LoadMeter(limits);
    const board = new BoardWriter();
    const answers = { served: { host, allowedHosts: [] }, headers: {} };
    provideParts(this.#actor.system, {
      source,
      app: this.#app,
      answer: (path) => containedAnswer(path, parts, meter.load, onFact),
      board,
      watch: this.#watch,
      probes: { memory: board.memory, readinessBlockMs: 30_000, livenessBlockMs: 60_000, ...answers },
      clock: this.#checkClock,
      publish: () => board.publish({ state: "running", leaving: false, readiness: judge(), liveness: { alive: true } }),
    });
    this.#actor.start();
  }

  async exec(before: HealthPortSnapshot, event: ModelEvent): Promise<void> {
    const { type } = event;
    if (type === "thread.exited") return this.#exit(before);
    if (type.startsWith("port.")) return this.#release(statePath(before).includes("thread") ? "probeThread" : "mainPort", type);
    if (type === "check.judged") return this.#failCheck();
    if (type === "service.stopping") return this.#stopService();
    if (type === "loop.blocked") return this.#block();
    if (type === "health.request.failed") return this.#failRequest();
    this.#actor.send(event as never);
  }

  async check(model: HealthPortSnapshot): Promise<void> {
    const path = statePath(model);
    await settles(`${path}, and not ${statePath(this.#snapshot)}`, () => statePath(this.#snapshot) === path);
    const { context } = this.#snapshot;
    expect(context.closing).toBe(model.context.closing);
    const { address } = context;
    if (model.hasTag("bound")) expect((await ask(address!.port, "/healthz")).status).toBe(200);
    if (model.hasTag("free") && address !== undefined && this.#blockers.length === 0)
      await expect(ask(address.port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    if (model.status === "done") expect(Object.keys(this.#snapshot.children)).toEqual([]);
    expect(this.#checkClock.pending.length).toBe(isDue(model) ? context.checks.length : 0);
    expect(this.#loopClock.pending.length).toBe(path.startsWith("listening") ? 1 : 0);
  }

  async end(): Promise<void> {
    this.#actor.stop();
    await this.#app.close();
    for (const blocker of this.#blockers) blocker.close();
  }

  get #snapshot(): HealthPortSnapshot {
    return this.#actor.getSnapshot();
  }

  #machine() {
    return providedHealthPort.provide({
      actors: {
        probeThread: this.#holding("probeThread"),
        mainPort: this.#holding("mainPort"),
      } as never,
    });
  }

  /** The real holder, whose reports wait. */
  #holding(name: "probeThread" | "mainPort") {
    const real = (providedHealthPort.implementations.actors as unknown as Record<string, { config: Callback }>)[name]!;
    return fromCallback<EventObject>((scope) => {
      const sendBack = (event: EventObject) =>
        event.type === "health.server.failed"
          ? scope.sendBack(event)
          : void this.#reports.set(`${name} ${event.type}`, () => scope.sendBack(event));
      const receive = (listener: (event: EventObject) => void) => {
        if (name === "probeThread") this.#crash = () => listener({ type: "cut" });
        scope.receive(listener);
      };
      return real.config({ ...scope, sendBack, receive }) as () => void;
    }) as CallbackActorLogic<EventObject>;
  }

  async #release(name: string, type: string): Promise<void> {
    await settles(`${name} reports ${type}`, () => this.#reports.has(`${name} ${type}`));
    const report = this.#reports.get(`${name} ${type}`)!;
    this.#reports.clear();
    report();
  }

  /** The thread exits: because it was terminated, or by itself; where a move is to fail, the port is taken meanwhile. */
  async #exit(before: HealthPortSnapshot): Promise<void> {
    this.#crash();
    await settles("the thread exits", () => this.#reports.has("probeThread thread.exited"));
    if (statePath(before).startsWith("listening") && this.#movesInVain)
      this.#blockers.push(await blockerOn(this.#snapshot.context.address!.port));
    await this.#release("probeThread", "thread.exited");
  }

  async #check(): Promise<void> {
    await new Promise<void>((_resolve, reject) => {
      this.#failed = () => reject(error);
    });
  }

  /** The first check is due at once, each later one an interval after the one before. */
  async #failCheck(): Promise<void> {
    const before = this.#snapshot.context.verdicts[0]!.failures;
    this.#checkClock.fire(before === 0 ? 0 : times.intervalMs);
    this.#failed();
    await settles("the miss is judged", () => this.#snapshot.context.verdicts[0]!.failures === before + 1);
  }

  #stopService(): void {
    this.#source.isStopping = true;
  }

  #block(): void {
    this.#loopClock.time += 2100;
    expect(this.#watch.blockedMs).toBe(2000);
  }

  async #failRequest(): Promise<void> {
    expect((await ask(this.#snapshot.context.address!.port, "/status")).status).toBe(500);
  }
}

const blockerOn = async (port: number): Promise<Server> => {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen({ host, port }, resolve));
  return server;
};
