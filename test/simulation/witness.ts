/** Watches one life from outside: what the tier and the world were asked, what the service said of itself, what it left. */
import type { LeaseSnapshot, LifecycleSnapshot, StateName } from "../../machines/index.ts";
import { defaultSettings, stateName, stateNames, statePath } from "../../machines/index.ts";
import type { ServiceFact } from "../../src/service/facts.ts";
import type { StargazerService } from "../../src/service/service.ts";
import type { StopReport } from "../../src/service/types.ts";
import type { VirtualClock } from "./clock.ts";
import type { HookEnd, HookName, HookWatcher } from "./hooks.ts";
import type { Accuse, Invariant } from "./invariants.ts";
import type { Journal } from "./journal.ts";
import { judgeReport } from "./judge.ts";
import type { Settings } from "./plan.ts";
import type { CountingClock, VirtualProcess } from "./process.ts";
import type { Tally } from "./tally.ts";
import type { SimulatedWorld, WorldWatcher } from "./world.ts";

export interface WitnessOptions {
  readonly who: string;
  readonly settings: Settings;
  readonly clock: VirtualClock;
  readonly process: VirtualProcess;
  readonly serviceClock: CountingClock;
  readonly journal: Journal;
  readonly tally: Tally;
  readonly accuse: Accuse;
}

interface Cause {
  readonly outcome: StopReport["outcome"];
  readonly reason: string;
  readonly atMs: number;
}

/** What happened that a report has to agree with. */
export interface Evidence {
  /** what ends a life and how the report should call it: the first, and what came in the same instant */
  readonly causes: Cause[];
  /** failures that the report must name */
  readonly owed: { readonly phase: string; readonly message: string }[];
  wasSuperseded: boolean;
  healthFailed: boolean;
  pingsFailed: number;
  /** the service's own chance threw: its chart may fail at any point */
  chanceFailed: boolean;
  readonly errorsGiven: Set<string>;
}

interface HookState {
  begun: number;
  how: HookEnd | undefined;
  beganAt: number;
  signal: AbortSignal | undefined;
}

const phaseOf: Record<HookName, string> = { onStart: "starting", run: "running", onStop: "stopping.unwinding" };

export class Witness implements HookWatcher, WorldWatcher {
  readonly #options: WitnessOptions;
  readonly evidence: Evidence = {
    causes: [],
    owed: [],
    wasSuperseded: false,
    healthFailed: false,
    pingsFailed: 0,
    chanceFailed: false,
    errorsGiven: new Set(),
  };
  readonly #hooks: Record<HookName, HookState> = {
    onStart: { begun: 0, how: undefined, beganAt: 0, signal: undefined },
    run: { begun: 0, how: undefined, beganAt: 0, signal: undefined },
    onStop: { begun: 0, how: undefined, beganAt: 0, signal: undefined },
  };
  readonly #releases: ("kept" | "called" | "resolved" | "failed")[] = [];
  readonly #facts: ServiceFact[] = [];
  #shutdownPromise: Promise<StopReport> | undefined;
  #runPromise: Promise<StopReport> | undefined;
  #service: StargazerService | undefined;
  #world: SimulatedWorld | undefined;
  #isReady = false;
  #stoppingAt: { readonly ms: number; readonly pausedMs: number } | undefined;
  #report: StopReport | undefined;
  /** looked at once, at the end of the step in which it stopped */
  #isJudged = false;
  #state = 0;
  #endings = 0;
  /** of the errors that come while stopping, the report keeps the first */
  #gaveLateError = false;
  #entries = 1;
  #lease: LeaseSnapshot | undefined;
  /** called synchronously on entering each state */
  onState: (state: StateName) => void = () => {};

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  watch(service: StargazerService, world: SimulatedWorld): void {
    this.#service = service;
    this.#world = world;
    service.actor.subscribe({
      next: (snapshot) => this.#look(snapshot),
      complete: () => this.#look(service.actor.getSnapshot()),
    });
    service.onFact((fact) => this.#hear(fact));
    this.#look(service.actor.getSnapshot());
  }

  get service(): StargazerService {
    return this.#service!;
  }

  get process(): VirtualProcess {
    return this.#options.process;
  }

  get isOver(): boolean {
    return this.#report !== undefined || this.#options.process.isCrashed;
  }

  get report(): StopReport | undefined {
    return this.#report;
  }

  get who(): string {
    return this.#options.who;
  }

  /** Whether the service believes itself registered. */
  get believes(): boolean {
    if (this.isOver || this.#service === undefined) return false;
    const lease = this.#service.actor.getSnapshot().children.lease?.getSnapshot();
    return lease?.status === "active" && statePath(lease).startsWith("held");
  }

  /* ---- what the driver does to the service ---- */

  shutdown(reason: string | Error): void {
    const { service } = this;
    const failed = typeof reason !== "string";
    const message = failed ? reason.message : reason;
    const isActive = service.actor.getSnapshot().status === "active";
    const isFirst = isActive && this.evidence.causes.length === 0 && this.#stoppingAt === undefined;
    this.#options.journal.note(this.who, `shutdown(${message}) in ${statePath(service.actor.getSnapshot())}`);
    if (isActive && this.#stoppingAt === undefined) this.#causedBy(failed ? "failed" : "shutdown", message);
    if (failed) this.evidence.errorsGiven.add(message);
    if (failed && isActive && (isFirst || !this.#gaveLateError)) this.evidence.owed.push({ phase: "", message });
    if (failed && isActive && !isFirst) this.#gaveLateError = true;
    this.#shutdownPromise = this.#same(this.#shutdownPromise, service.shutdown(reason));
  }

  runToCompletion(): void {
    this.#options.journal.note(this.who, "runToCompletion()");
    this.#runPromise = this.#same(this.#runPromise, this.service.runToCompletion());
  }

  async boot(): Promise<void> {
    const { service } = this;
    const wasInit = service.state === "init" && service.actor.getSnapshot().status === "active";
    this.#options.journal.note(this.who, "boot()");
    try {
      await service.boot();
      if (this.#stateSeen("healthy") === 0) this.#accuse("the same promise for all callers", "boot() resolved without healthy");
    } catch (error) {
      this.#judgeBootError(error as { code?: unknown }, wasInit);
    }
  }

  async waitFor(state: StateName, signal: AbortSignal): Promise<void> {
    try {
      await this.service.waitFor(state, { signal });
      if (this.#stateSeen(state) === 0) this.#accuse("the same promise for all callers", `waitFor(${state}) resolved without it`);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (code !== "SG_ERR_STATE_UNREACHABLE" && error !== signal.reason)
        this.#accuse("nothing thrown past everyone", `waitFor(${state}) rejected with ${String(error)}`);
    }
  }

  /* ---- what the tier tells ---- */

  began(hook: HookName, signal: AbortSignal): void {
    const { journal, clock } = this.#options;
    const state = this.#hooks[hook];
    state.begun += 1;
    state.signal = signal;
    state.beganAt = clock.now;
    journal.note(this.who, `${hook} begins`);
    if (this.#report !== undefined) this.#accuse("one terminal state, once", `${hook} began after the end`);
    if (state.begun > 1)
      this.#accuse(
        hook === "onStop" ? "onStop exactly once if onStart was begun, else never" : "onStart at most once",
        `${hook} began again`,
      );
    if (hook === "onStop") this.#judgeOnStop();
    else if (this.#stoppingAt) this.#accuse("after shutdown only forward", `${hook} began while stopping`);
  }

  ended(hook: HookName, how: HookEnd): void {
    this.#hooks[hook].how = how;
    this.#options.journal.note(this.who, `${hook} ${how}`);
    const snapshot = this.service.actor.getSnapshot();
    if (snapshot.status !== "active") return;
    if (how === "failed") this.evidence.owed.push({ phase: phaseOf[hook], message: "" });
    if (hook === "onStart" && stateName(snapshot) === "starting" && how !== "resolved")
      this.#causedBy("failed", "onStart failed");
    if (hook !== "run" || stateName(snapshot) !== "running") return;
    if (how === "resolved") this.#causedBy("completed", "run returned");
    else this.#causedBy("failed", "run failed");
  }

  deferred(): number {
    return this.#releases.push("kept") - 1;
  }

  releaseBegan(release: number): void {
    if (this.#releases[release] !== "kept")
      this.#accuse("no timer, child or listener left", `release ${release} was called again`);
    const top = this.#releases.lastIndexOf("kept");
    if (top !== release) this.#accuse("no timer, child or listener left", `release ${release} was called before ${top}`);
    this.#releases[release] = "called";
    this.#options.journal.note(this.who, `release ${release}`);
  }

  releaseEnded(release: number, how: "resolved" | "failed"): void {
    this.#releases[release] = how;
    if (how === "failed" && this.service.actor.getSnapshot().status === "active")
      this.evidence.owed.push({ phase: "stopping.releasing", message: "" });
  }

  asksShutdown(reason: string | Error): void {
    this.shutdown(reason);
  }

  /* ---- what the world tells ---- */

  asked(what: string): void {
    this.#options.journal.note(this.who, what);
    if (this.#report !== undefined) this.#accuse("one terminal state, once", `${what} was asked for after the end`);
    if (this.#stoppingAt && (what === "ping" || what === "open health"))
      this.#accuse("after shutdown only forward", `${what} was asked for while stopping`);
  }

  pingFailed(attempt: number): void {
    const { redis, pingAttempts } = this.#options.settings;
    this.evidence.pingsFailed = attempt;
    if (redis === "required" && attempt >= pingAttempts) this.#causedBy("failed", "redis did not pass the ping gate");
  }

  healthFailed(itself: boolean): void {
    this.evidence.healthFailed = true;
    if (itself) this.#causedBy("failed", "the health server did not open");
  }

  superseded(): void {
    this.evidence.wasSuperseded = true;
  }

  met(fault: string): void {
    this.#options.tally.fault(fault);
    this.#options.journal.aside(this.who, `fault: ${fault}`);
  }

  /* ---- what is judged after each step ---- */

  afterStep(): void {
    if (this.process.isCrashed) return;
    this.#lookAtLease();
    if (this.#isReady) this.#judgeReady();
    if (this.#stoppingAt && !this.#isJudged && !this.process.isPaused) this.#judgeBudget(this.#stoppingAt);
    if (this.#report === undefined || this.#isJudged) return;
    this.#isJudged = true;
    this.#judgeLeftovers();
  }

  /** When nothing more can happen, here or on the wire. */
  atTheEnd(): void {
    if (this.#options.process.isCrashed) return;
    if (this.#report === undefined) this.#accuse("one terminal state, once", `stuck in ${this.#path()}`);
    else this.#judgeStopped(this.#report);
  }

  #judgeStopped(report: StopReport): void {
    if (this.#options.serviceClock.pending > 0) this.#judgeLeftovers();
    if (this.#endings !== 1) this.#accuse("one terminal state, once", `its end was told ${this.#endings} times`);
    if (this.#entries > stateNames.length) this.#accuse("one terminal state, once", "a state was entered twice");
    const snapshot = this.service.actor.getSnapshot();
    judgeReport({ ...this.#options, report, snapshot, evidence: this.evidence, facts: this.#facts });
  }

  #judgeOnStop(): void {
    const { onStart, run } = this.#hooks;
    const law = "onStop exactly once if onStart was begun, else never";
    if (onStart.begun === 0) this.#accuse(law, "onStop began without onStart");
    const overlaps = (onStart.begun > 0 && onStart.how === undefined) || (run.begun > 0 && run.how === undefined);
    const isReported = this.service.actor.getSnapshot().context.failures.some(({ code }) => code === "SG_ERR_DRAIN_TIMEOUT");
    if (overlaps && !isReported && !this.evidence.chanceFailed)
      this.#accuse(law, "onStop overlaps a hook, and no failure says so");
  }

  #judgeReady(): void {
    const law = "ready implies started, health open and not stopping";
    if (this.#hooks.onStart.how !== "resolved") this.#accuse(law, "ready before onStart was done");
    if (this.#options.settings.useHealthServer && !this.#world?.isHealthOpen) this.#accuse(law, "ready with health closed");
    if (this.#stoppingAt) this.#accuse(law, "ready while stopping");
  }

  #judgeBudget(from: { readonly ms: number; readonly pausedMs: number }): void {
    const { clock, process, settings } = this.#options;
    const took = clock.now - from.ms - (process.pausedMs - from.pausedMs);
    if (took > settings.shutdownTimeoutMs + 0.01)
      this.#accuse("within the budget", `${this.#path()} after ${took.toFixed(1)} ms of ${settings.shutdownTimeoutMs} ms`);
  }

  #judgeEnd(): void {
    const { onStart, onStop } = this.#hooks;
    if (onStart.begun !== onStop.begun)
      this.#accuse(
        "onStop exactly once if onStart was begun, else never",
        `onStart ${onStart.begun} times, onStop ${onStop.begun} times`,
      );
  }

  #judgeLeftovers(): void {
    const children = Object.values(this.service.actor.getSnapshot().children).filter(
      (child) => child?.getSnapshot().status === "active",
    );
    const kept = this.#releases.filter((release) => release === "kept").length;
    const left = [
      ...(this.#options.serviceClock.pending > 0 ? [`${this.#options.serviceClock.pending} timer(s)`] : []),
      ...(children.length > 0 ? [`${children.length} child actor(s)`] : []),
      ...(kept > 0 ? [`${kept} release(s) that nobody called`] : []),
      ...(this.#world?.leftovers() ?? []),
    ];
    if (left.length > 0) this.#accuse("no timer, child or listener left", left.join(", "));
  }

  #judgeBootError(error: { code?: unknown }, wasInit: boolean): void {
    const aborted = this.service.actor.getSnapshot().context.cause?.outcome === "shutdown";
    const expected = aborted ? error.code === "SG_ERR_BOOT_ABORTED" : error.code === this.#report?.error?.code;
    const isRight = wasInit ? expected && this.#report !== undefined : error.code === "SG_ERR_ILLEGAL_TRANSITION";
    if (!isRight) this.#accuse("the same promise for all callers", `boot() rejected in ${this.#path()} with ${String(error)}`);
  }

  #same<T>(before: Promise<T> | undefined, now: Promise<T>): Promise<T> {
    if (before && before !== now) this.#accuse("the same promise for all callers", "a second call got another promise");
    if (!before) now.then((report) => this.#agree(report as StopReport), this.#refused);
    return now;
  }

  readonly #refused = (error: unknown): void =>
    this.#accuse("the same promise for all callers", `a report rejected with ${String(error)}`);

  #agree(report: StopReport): void {
    const { outcome, reason } = report;
    if (
      this.#report &&
      (this.#report.outcome !== outcome || this.#report.reason !== reason || this.#report.phases !== report.phases)
    )
      this.#accuse("the same promise for all callers", "two callers got different reports");
  }

  #look(snapshot: LifecycleSnapshot): void {
    const { journal, tally, clock, process } = this.#options;
    const path = statePath(snapshot);
    const state = stateName(snapshot);
    const index = stateNames.indexOf(state);
    tally.state(path);
    journal.note(this.who, path);
    if (this.#report !== undefined) this.#accuse("one terminal state, once", `${path} after the end`);
    if (index < this.#state) this.#accuse("after shutdown only forward", `back to ${path} from ${stateNames[this.#state]}`);
    const isNew = index > this.#state || index === 0;
    this.#state = index;
    this.#isReady = snapshot.hasTag("ready");
    if (this.#isReady) this.#judgeReady();
    if (state === "stopping") this.#stoppingAt ??= { ms: clock.now, pausedMs: process.pausedMs };
    if (isNew) this.onState(state);
  }

  #lookAtLease(): void {
    const lease = this.service.actor.getSnapshot().children.lease?.getSnapshot();
    if (lease === undefined || lease === this.#lease) return;
    this.#lease = lease;
    this.#options.tally.lease(statePath(lease));
    this.#options.journal.note(this.who, `lease ${statePath(lease)}`);
  }

  #hear(fact: ServiceFact): void {
    const { journal, tally } = this.#options;
    this.#facts.push(fact);
    if (fact.type === "lease.released" || fact.type === "lease.abandoned") tally.lease(fact.type.slice("lease.".length));
    if (fact.type === "failed") journal.note(this.who, `failure ${fact.code} in ${fact.phase}: ${fact.message}`);
    else if (fact.type !== "state.entered" && fact.type !== "phase.ended") journal.note(this.who, fact.type);
    if (fact.type === "lease.broken") this.evidence.chanceFailed = true;
    if (fact.type === "failed") this.#judgeFailure(fact.code, fact.message);
    if (fact.type === "state.entered") this.#entries += 1;
    if (fact.type !== "stopped") return;
    this.#endings += 1;
    this.#report = fact;
    this.#judgeEnd();
    journal.note(this.who, `${fact.outcome} (${fact.reason})`);
  }

  /** Each failure has to have happened. */
  #judgeFailure(code: string, message: string): void {
    const { onStart, run, onStop } = this.#hooks;
    const { evidence } = this;
    const inFlight = (hook: HookState) => hook.begun > 0 && hook.how === undefined;
    const { startTimeoutMs, pingAttempts } = this.#options.settings;
    const isTrue =
      {
        SG_ERR_START_FAILED: onStart.how === "failed" || onStart.how === "aborted",
        SG_ERR_RUN_FAILED: run.how === "failed" || run.how === "aborted",
        SG_ERR_STOP_FAILED: onStop.how === "failed" || onStop.how === "aborted" || this.#releases.includes("failed"),
        SG_ERR_START_TIMEOUT: inFlight(onStart) && this.#options.clock.now >= onStart.beganAt + startTimeoutMs - 0.01,
        SG_ERR_STOP_TIMEOUT: inFlight(onStop) || this.#releases.includes("called"),
        SG_ERR_DRAIN_TIMEOUT: [onStart, run].some((hook) => inFlight(hook) && hook.signal?.aborted),
        SG_ERR_REDIS_UNREACHABLE: evidence.pingsFailed >= pingAttempts,
        SG_ERR_HEALTH_OPEN_FAILED: evidence.healthFailed,
        SG_ERR_SUPERSEDED: evidence.wasSuperseded,
        SG_ERR_UNCAUGHT: evidence.errorsGiven.has(message),
        SG_ERR_FAILED: evidence.errorsGiven.has(message),
      }[code] ?? false;
    if (!isTrue) this.#accuse("no failure unexplained, none unreported", `${code}: ${message}`);
  }

  /** Two in one instant are a tie: the chart may have heard of either first. */
  #causedBy(outcome: Cause["outcome"], reason: string): void {
    const { causes } = this.evidence;
    const atMs = this.#options.clock.now;
    if (causes.length === 0 || causes[0]!.atMs === atMs) causes.push({ outcome, reason, atMs });
  }

  /** `init` was entered before anybody could listen */
  #stateSeen(state: StateName): number {
    return state === "init" ? 1 : this.#facts.filter((fact) => fact.type === "state.entered" && fact.state === state).length;
  }

  #path(): string {
    return statePath(this.service.actor.getSnapshot());
  }

  #accuse(invariant: Invariant, detail: string): void {
    this.#options.accuse(invariant, this.who, detail);
  }
}

/** How long two of one id may both believe, in ms: a heartbeat and a beat's deadline. */
export const bothBelieveMs = ({ heartbeatMs }: Settings): number => heartbeatMs * 1.1 + defaultSettings.writeTimeoutMs;
