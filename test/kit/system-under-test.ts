/** A real service whose effects are held at gates, on a real Redis behind a proxy: causes a model's events and checks their results. */
import type { AddressInfo, Server } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import type { ActorRef, AnyEventObject, InspectionEvent } from "xstate";
import { fromCallback, fromPromise } from "xstate";
import type { Companion, LeadershipFact, LifecycleSettings, LifecycleSnapshot } from "../../machines/index.ts";
import { stateName, statePath } from "../../machines/index.ts";
import { defaultSettings } from "../../machines/settings.ts";
import { FlightRecorder } from "../../src/flight/recorder.ts";
import type { HookContext, ServiceOptions } from "../../src/index.ts";
import { openResources } from "../../src/service/effects/open-resources.ts";
import type { ServiceResources } from "../../src/service/effects/resources.ts";
import { resolveOptions } from "../../src/service/options/options.ts";
import { seams } from "../../src/service/service.ts";
import { GatedRedis } from "./gated-redis.ts";
import { gatedResources } from "./gated-resources.ts";
import { HeldClock, settles } from "./gates.ts";
import { ask, dial, trickle } from "./http-client.ts";
import type { ModelEvent, TakenTransition } from "./model.ts";
import { takenName } from "./model.ts";
import { hasWorkInFlight, isForced, leaseOf } from "./real-model.ts";
import type { TestRedis } from "./redis.ts";
import { registerRival } from "./rival.ts";
import type { Expected } from "./system-checks.ts";
import { checkEntry, checkHooks, checkProbes, partsOf } from "./system-checks.ts";
import { TestTier } from "./tier.ts";
import { eventually } from "./wait.ts";

export interface UnderTestOptions {
  readonly redis: TestRedis;
  readonly settings: Partial<LifecycleSettings>;
  readonly probeThread: boolean;
  readonly hasOnDrain: boolean;
  /** what will be asked of it: a port that cannot be opened has to be known before */
  readonly events: readonly ModelEvent[];
  /** has the port that `openHealth error` finds taken */
  readonly blocker: Server;
  /** called at each transition that the real chart takes */
  readonly onTaken: (name: string) => void;
}

const serviceName = "model";
/** a companion that only reports that fact */
const reporting = (type: LeadershipFact["type"]) =>
  fromCallback<AnyEventObject, { parent: { send(fact: LeadershipFact): void } }>(({ input: { parent } }) =>
    parent.send({ type, name: "model", fence: 1, reason: "model" }),
  );
let made = 0;

/** Timers are known by their length: each is another one wherever two could run at once. */
const { pingTimeoutMs, healthTimeoutMs, drainTimeoutMs, stopTimeoutMs, shutdownTimeoutMs } = defaultSettings;
const { heartbeatMs, leaseTtlMs } = defaultSettings;
/** Those of the product: the clock stands still, and the test fires its timers by their length. */
const times = { pingTimeoutMs, healthTimeoutMs, drainTimeoutMs, stopTimeoutMs, shutdownTimeoutMs, heartbeatMs, leaseTtlMs };

const optionsOf = ({ settings, probeThread, events, blocker }: UnderTestOptions, url: string): ServiceOptions => {
  const { hasRedis, redisRequired, hasHealth, closeHealth } = partsOf(settings);
  const findsPortTaken = events.some(({ type }) => type === "xstate.error.actor.openHealth");
  made += 1;
  return {
    serviceName,
    instanceId: `i${made}`,
    redis: hasRedis ? url : null,
    redisRequired,
    useHealthServer: hasHealth,
    closeHealth,
    probeThread,
    healthPort: findsPortTaken ? (blocker.address() as AddressInfo).port : 0,
    drainDelayMs: 500,
    ...times,
    registerTimeoutMs: 2100,
    pingAttempts: 2,
    jitterMaxMs: 20,
  };
};

export class SystemUnderTest {
  readonly service: TestTier;
  readonly #clock = new HeldClock();
  readonly #way: GatedRedis;
  readonly #onTaken: (name: string) => void;
  readonly #hasRedis: boolean;
  readonly #resources: ServiceResources;
  readonly #facts: string[] = [];
  readonly #expected: Expected = { entry: "none", port: undefined, isPortOpen: false, hasRun: false };
  #root: ActorRef<never, never> | undefined;
  #context: HookContext | undefined;
  #stopContext: HookContext | undefined;

  static async make(options: UnderTestOptions): Promise<SystemUnderTest> {
    return new SystemUnderTest(options, await GatedRedis.before(options.redis));
  }

  private constructor(options: UnderTestOptions, way: GatedRedis) {
    this.#way = way;
    this.#onTaken = options.onTaken;
    this.#hasRedis = partsOf(options.settings).hasRedis;
    const given = optionsOf(options, way.url);
    this.#resources = openResources(resolveOptions(given), {
      actor: () => this.#root as never,
      snapshot: () => this.#snapshot,
      onTransition: (listener) => {
        const subscription = this.service.actor.subscribe(listener);
        return () => subscription.unsubscribe();
      },
      status: () => this.service.status(),
      metrics: () => "",
      describe: () => ({}),
      inContext: (call) => call(),
      recorder: () => new FlightRecorder("none", this.#clock),
      flight: () => this.service.flight(),
      onFact: () => {},
    });
    const seam = { resources: gatedResources(way, () => this.#resources), clock: this.#clock, random: () => 0.5 };
    const { gates } = way;
    this.service = new TestTier({ ...given, [seams]: seam } as never, {
      onStart: (context) => (this.#context = context) && gates.hold("startTier"),
      run: () => gates.hold("runTier"),
      ...(options.hasOnDrain && { onDrain: () => gates.hold("announceTier") }),
      onStop: (context) => (this.#stopContext = context) && gates.hold("stopTier"),
    });
    this.service.actor.inspect((event) => this.#look(event));
    this.service.onFact(({ type }) => this.#facts.push(type));
  }

  /** Causes the event: in the service's surroundings where it comes from there, else by a command. */
  async exec(before: LifecycleSnapshot, event: ModelEvent): Promise<void> {
    const [, kind, name, actor] = event.type.split(".") as [string, string, string, string];
    if (isForced(before, event)) this.#root!.send(event as never);
    else if (event.type.startsWith("lease.")) await this.#causeLeaseFact(kind, before);
    else if (event.type === "xstate.error.actor.lease") this.#breakLease();
    else if (actor === "companion") this.#ask(event.type);
    else if (kind === "after") await this.#overrun(name);
    else if (kind === "done") await this.#finish(actor);
    else if (kind === "error") await this.#fail(actor);
    else this.#ask(event.type);
  }

  /** Waits until the service is where the model is, and compares the rest of the world with it. */
  async check(model: LifecycleSnapshot): Promise<void> {
    const { redis } = this.#way;
    const { incarnation } = this.#resources;
    await this.#comesTo(model);
    this.#expected.hasRun ||= statePath(model) === "running";
    await Promise.all([
      this.#hasRedis && checkEntry(model, this.#expected, { redis, incarnation, key: this.#key }),
      checkProbes(model, this.#expected),
    ]);
    checkHooks(model, this.#expected, { calls: this.service.calls, signal: this.#context?.signal });
    await this.#refuses(model);
    if (model.status === "done") await this.#isOver();
  }

  /** Ends what a failed path left. */
  async end(): Promise<void> {
    await this.#way.end();
    await this.#resources.close({ signal: AbortSignal.timeout(1000) });
    await this.#way.redis.witness.del(this.#key, `sg:registry:released:${serviceName}:${this.service.instanceId}`);
  }

  get #snapshot(): LifecycleSnapshot {
    return this.service.actor.getSnapshot();
  }

  get #lease(): string {
    return this.service.status().lease?.state ?? "none";
  }

  get #key(): string {
    return `sg:registry:service:${serviceName}:${this.service.instanceId}`;
  }

  #look(event: InspectionEvent): void {
    if (event.type !== "@xstate.microstep" || event.actorRef.sessionId !== event.rootId) return;
    this.#root ??= event.actorRef as never;
    for (const transition of event._transitions) this.#onTaken(takenName(transition as unknown as TakenTransition));
  }

  /* ---- what is asked of the service, and what its hooks do ---- */

  #ask(type: string): void {
    const { service } = this;
    const { gates } = this.#way;
    const naming = this.#stopContext ?? this.#context;
    if (type === "boot") service.boot().catch(() => {});
    if (type === "run") void service.runToCompletion();
    if (type === "shutdown") void service.shutdown("model");
    if (type === "error.late") void service.shutdown(new Error("late"));
    if (type === "release.owed") this.#context!.defer(() => gates.hold("releaseTier"));
    if (type === "phase.began") void naming!.phase("tools", () => gates.hold("phase")).catch(() => {});
    if (type === "companion.spawn") this.#spawn(fromCallback(() => {}));
    if (type.startsWith("xstate.done")) this.#spawn(fromPromise(async () => {}));
    if (type.startsWith("xstate.error")) this.#spawn(fromPromise(() => Promise.reject(new Error("model"))));
    if (type.startsWith("leadership.")) this.#spawn(reporting(type as LeadershipFact["type"]));
    if (type === "phase.ended") void naming!.phase("tools", () => {});
  }

  /** a companion beside `run` */
  #spawn(logic: Companion["logic"]): void {
    void this.#context!.spawn({ name: "other", logic, input: {} }).catch(() => {});
  }

  async #finish(actor: string): Promise<void> {
    const { gates } = this.#way;
    // nothing holds the drain but what is in flight
    if (actor === "drainTier") return gates.openNamed("startTier", "runTier", "announceTier");
    (await gates.take(actor)).open();
    if (actor === "openHealth") await this.#noteOpened();
    if (actor === "closeHealth") this.#expected.isPortOpen = false;
    while (actor === "releaseTier" && statePath(this.#snapshot) === "stopping.releasing") {
      gates.openNamed(actor);
      await pause(0);
    }
  }

  async #noteOpened(): Promise<void> {
    await settles("health opens", () => this.#resources.healthAddress !== undefined);
    this.#expected.port = this.#resources.healthAddress!.port;
    this.#expected.isPortOpen = true;
  }

  /** The ping fails because the way is cut, opening because the port is taken; the others fail at their gates. */
  async #fail(actor: string): Promise<void> {
    const gate = await this.#way.gates.take(actor);
    if (actor === "openHealth") return gate.open();
    if (actor !== "pingRedis") return gate.fail(new Error("model"));
    const at = statePath(this.#snapshot);
    await this.#way.cut();
    gate.open();
    await settles("the ping fails", () => statePath(this.#snapshot) !== at);
    await this.#way.mend();
  }

  /** The deadline of a state passes while its effect hangs: in the world where one can, else at its gate. */
  async #overrun(delay: string): Promise<void> {
    const { ms } = this.#snapshot.context.timer!;
    const owesDelete = delay === "deregisterTimeout" && this.#expected.entry === "ours";
    const effect = delay === "pingTimeout" ? "pingRedis" : owesDelete ? "deregisterInstance" : undefined;
    if (effect !== undefined) await this.#way.hang(effect);
    if (delay === "closeTimeout" && this.#expected.port !== undefined) await this.#closeHangs(this.#expected.port);
    this.#clock.fire(ms);
    if (effect !== undefined) this.#way.lift();
  }

  /** A request that never ends holds the close. */
  async #closeHangs(port: number): Promise<void> {
    const gate = await this.#way.gates.take("closeHealth");
    const { socket } = await dial(port);
    socket.on("error", () => {});
    trickle(socket);
    await ask(port, "/healthz");
    gate.open();
    await pause(1);
    this.#expected.isPortOpen = false;
  }

  /* ---- what happens to the lease ---- */

  async #causeLeaseFact(fact: string, before: LifecycleSnapshot): Promise<void> {
    const acts: Record<string, () => Promise<void>> = {
      held: () => this.#confirm(),
      suspect: () => this.#miss(),
      lost: () => this.#lose(leaseOf(before)),
      regained: () => this.#confirm(),
      superseded: () => this.#supersede(),
      released: () => this.#deregister(),
      abandoned: () => this.#abandon(),
    };
    const known = this.#facts.length;
    await acts[fact]!();
    await settles(`lease.${fact}`, () => this.#facts.slice(known).includes(`lease.${fact}`));
    await this.#way.mend();
  }

  /** The next write is applied: a register that waits at its gate, or a beat. */
  async #write(): Promise<void> {
    const lease = this.#lease;
    if (lease === "lost.waiting" || lease === "suspect.waiting") this.#clock.fire(1000);
    if (lease === "held.waiting" || lease === "regained") this.#clock.fire(5000);
    if (lease.startsWith("lost") || lease === "registering") (await this.#way.gates.take("registerInstance")).open();
  }

  async #confirm(): Promise<void> {
    await this.#write();
    this.#expected.entry = "ours";
  }

  async #miss(): Promise<void> {
    await this.#way.cut();
    await this.#write();
  }

  async #lose(lease: string): Promise<void> {
    if (lease === "asked") return this.#miss();
    await this.#way.redis.witness.del(this.#key);
    this.#expected.entry = "none";
    await this.#write();
  }

  async #supersede(): Promise<void> {
    const comes = () => registerRival(this.#way.redis, serviceName, this.service.instanceId);
    const isDrawn = this.#resources.incarnation !== undefined;
    const rival = isDrawn ? comes() : this.#way.beforeFirstWrite(comes);
    if (isDrawn) await rival;
    await this.#write();
    await rival;
    this.#expected.entry = "rival";
  }

  async #deregister(): Promise<void> {
    (await this.#way.gates.take("deregisterInstance")).open();
    if (this.#expected.entry === "ours") this.#expected.entry = "none";
  }

  /** The deregistration of a service that holds nothing may send nothing: it fails at its gate. */
  async #abandon(): Promise<void> {
    const gate = await this.#way.gates.take("deregisterInstance");
    if (this.#expected.entry !== "ours") return gate.fail(new Error("model"));
    await this.#way.cut();
    gate.open();
  }

  /** An action of the lease chart throws. */
  #breakLease(): void {
    const event = {
      type: "status",
      get status(): never {
        throw new Error("the lease broke");
      },
    };
    this.#snapshot.children.lease!.send(event as never);
  }

  /* ---- where it has to be ---- */

  async #comesTo(model: LifecycleSnapshot): Promise<void> {
    const path = statePath(model);
    const passes = path === "stopping.draining" && !hasWorkInFlight(model);
    const paths = passes ? [path, "stopping.unwinding"] : [path];
    const isThere = () => paths.includes(statePath(this.#snapshot)) && this.#isLeaseAt(model);
    await settles(path, isThere).catch(() => {
      const seen = `${statePath(this.#snapshot)} (lease ${this.#lease}; timers ${this.#clock.pending})`;
      throw new Error(`the model is in ${path} (lease ${leaseOf(model)}), the service in ${seen}`);
    });
    expect(this.service.state).toBe(stateName(model));
  }

  /** A held lease has written the chart's status; the others are as the model knows them. */
  #isLeaseAt(model: LifecycleSnapshot): boolean {
    const context = this.#snapshot.children.lease?.getSnapshot().context;
    const wanted = leaseOf(model);
    if (wanted === "none" || wanted === "broken" || statePath(model) === "stopping.deregistering") return true;
    if (wanted === "held") return ["held.waiting", "regained"].includes(this.#lease) && context?.wanted === context?.written;
    return this.#lease.startsWith(wanted === "asked" ? "registering" : wanted);
  }

  /** A command without an arrow is refused and changes nothing. */
  async #refuses(model: LifecycleSnapshot): Promise<void> {
    if (model.can({ type: "boot" })) return;
    const before = this.#snapshot.value;
    await expect(this.service.boot()).rejects.toMatchObject({ code: "SG_ERR_ILLEGAL_TRANSITION" });
    if (statePath(model) !== "stopping.draining") expect(this.#snapshot.value).toEqual(before);
  }

  async #isOver(): Promise<void> {
    const report = await this.service.shutdown();
    expect(report.exitCode).toBe(report.failures.length > 0 ? 1 : 0);
    expect(Object.keys(this.#snapshot.children)).toEqual([]);
    await eventually("no connection to Redis is left", () => this.#way.proxy.open === 0);
    this.#way.gates.openAll();
    await eventually("no timer of the chart is left", () => this.#clock.pending.length === 0);
  }
}
