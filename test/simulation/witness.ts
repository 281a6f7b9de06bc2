/** Watches one life from outside: the effects that it runs, the facts that it emits, what it leaves behind. */
import type { EndedPhase, LifecycleSnapshot, StateName } from "../../machines/index.ts";
import { defaultSettings, stateName, stateNames, statePath } from "../../machines/index.ts";
import type { ServiceFact } from "../../src/service/report/facts.ts";
import type { StargazerService } from "../../src/service/service.ts";
import type { StopReport } from "../../src/service/types.ts";
import { Callers } from "./callers.ts";
import { judgeReport } from "./judge.ts";
import { LeaseWatch } from "./lease-watch.ts";
import type { Settings } from "./plan.ts";
import type { VirtualProcess } from "./process.ts";
import type { SubjectOptions } from "./subject.ts";
import { Subject } from "./subject.ts";
import { TierWatch } from "./tier-watch.ts";
import type { SimulatedWorld, WorldWatcher } from "./world.ts";

export class Witness implements WorldWatcher {
  readonly #subject: Subject;
  readonly tier: TierWatch;
  readonly #lease: LeaseWatch;
  readonly callers: Callers;
  readonly #facts: ServiceFact[] = [];
  #world: SimulatedWorld | undefined;
  #constructedAt = 0;
  #isReady = false;
  /** the furthest state so far */
  #furthest = 0;
  /** what it left is checked once, at the end of the step in which it stopped */
  #isJudged = false;
  /** called synchronously on entering each state */
  onState: (state: StateName) => void = () => {};

  constructor(options: SubjectOptions) {
    this.#subject = new Subject(options);
    this.tier = new TierWatch(this.#subject);
    this.#lease = new LeaseWatch(this.#subject);
    // `init` was entered before a listener could subscribe
    this.callers = new Callers(this.#subject, (state) => state === "init" || this.#entered(state) > 0);
  }

  watch(service: StargazerService, world: SimulatedWorld): void {
    this.#subject.service = service;
    this.#world = world;
    this.#constructedAt = this.#subject.clock.now;
    const { actor } = service;
    actor.subscribe({ next: (snapshot) => this.#look(snapshot), complete: () => this.#look(actor.getSnapshot()) });
    service.onFact((fact) => this.#note(fact));
    this.#look(actor.getSnapshot());
  }

  get who(): string {
    return this.#subject.who;
  }

  get process(): VirtualProcess {
    return this.#subject.process;
  }

  get report(): StopReport | undefined {
    return this.#subject.report;
  }

  get isOver(): boolean {
    return this.report !== undefined || this.process.isCrashed;
  }

  /** Whether the service believes itself registered. */
  get believes(): boolean {
    return !this.isOver && this.#lease.believes;
  }

  asked(what: string): void {
    this.#subject.note(what);
    if (this.report) this.#subject.accuse("one terminal state, once", `${what} was asked for after the end`);
    if (this.#subject.isStopping && (what === "ping" || what === "open health"))
      this.#subject.accuse("after shutdown only forward", `${what} was asked for while stopping`);
  }

  pingFailed(attempt: number): void {
    const { evidence, settings, clock } = this.#subject;
    evidence.pingsFailed = attempt;
    if (settings.redis === "required" && attempt >= settings.pingAttempts)
      evidence.causedBy("failed", "redis did not pass the ping gate", clock.now);
  }

  healthFailed(itself: boolean): void {
    const { evidence, clock } = this.#subject;
    evidence.healthFailed = true;
    if (itself) evidence.causedBy("failed", "the health server did not open", clock.now);
  }

  superseded(): void {
    this.#subject.evidence.wasSuperseded = true;
  }

  chanceFailed(): void {
    this.#subject.evidence.chanceFailed = true;
    this.met("chance throws: the chart fails");
  }

  met(fault: string): void {
    this.#subject.met(fault);
  }

  afterStep(): void {
    if (this.process.isCrashed) return;
    this.#lease.afterStep();
    if (this.#isReady) this.#judgeReady();
    if (!this.#isJudged && !this.process.isPaused) this.#judgeBudget();
    if (this.report === undefined || this.#isJudged) return;
    this.#isJudged = true;
    this.#judgeLeftovers();
  }

  /** When nothing more can happen, here or on the wire. */
  atTheEnd(): void {
    if (this.process.isCrashed) return;
    const { report, snapshot, evidence, path, serviceClock } = this.#subject;
    const law = "one terminal state, once";
    if (report === undefined) return void this.#subject.accuse(law, `stuck in ${path}`);
    if (serviceClock.pending > 0) this.#judgeLeftovers();
    const ends = this.#facts.filter(({ type }) => type === "stopped").length;
    if (ends !== 1) this.#subject.accuse(law, `its end was emitted ${ends} times`);
    if (this.#entered() >= stateNames.length) this.#subject.accuse(law, "a state was entered twice");
    this.tier.judgePairing();
    const accuse = this.#subject.accuse.bind(this.#subject);
    judgeReport({ report, snapshot, evidence, facts: this.#facts, accuse });
  }

  #look(snapshot: LifecycleSnapshot): void {
    const { tally, clock, process, wall } = this.#subject;
    const path = statePath(snapshot);
    const state = stateName(snapshot);
    const index = stateNames.indexOf(state);
    tally.state(path);
    this.#subject.note(path);
    wall.entered(path);
    if (this.report) this.#subject.accuse("one terminal state, once", `${path} after the end`);
    if (index < this.#furthest)
      this.#subject.accuse("after shutdown only forward", `back to ${path} from ${stateNames[this.#furthest]}`);
    const isNew = index > this.#furthest;
    this.#furthest = index;
    this.#isReady = snapshot.hasTag("ready");
    if (this.#isReady) this.#judgeReady();
    if (state === "stopping") this.#subject.stoppingSince ??= { ms: clock.now, pausedMs: process.pausedMs };
    if (isNew) this.onState(state);
  }

  #note(fact: ServiceFact): void {
    const { evidence, tally } = this.#subject;
    this.#facts.push(fact);
    switch (fact.type) {
      case "state.entered":
        return;
      case "phase.ended":
        this.#judgeDuration(fact);
        return;
      case "failed":
        this.#subject.note(`failure ${fact.code} in ${fact.phase}: ${fact.message}`);
        this.#judgeFailure(fact.code, fact.message);
        return;
      case "stopped":
        this.#subject.report = fact;
        this.#subject.note(`${fact.outcome} (${fact.reason})`);
        return;
      case "lease.broken":
        evidence.chanceFailed = true;
        break;
      case "lease.released":
      case "lease.abandoned":
        tally.lease(fact.type.slice("lease.".length));
    }
    this.#subject.note(fact.type);
  }

  /** Each failure has to have happened. */
  #judgeFailure(code: string, message: string): void {
    const { evidence, settings } = this.#subject;
    const others: Record<string, boolean> = {
      SG_ERR_REDIS_UNREACHABLE: evidence.pingsFailed >= settings.pingAttempts,
      SG_ERR_HEALTH_OPEN_FAILED: evidence.healthFailed,
      SG_ERR_SUPERSEDED: evidence.wasSuperseded,
      SG_ERR_UNCAUGHT: evidence.errorsGiven.has(message),
      SG_ERR_FAILED: evidence.errorsGiven.has(message),
    };
    const isTrue = this.tier.explains(code) ?? others[code] ?? false;
    if (!isTrue) this.#subject.accuse("no failure unexplained, none unreported", `${code}: ${message}`);
  }

  #judgeReady(): void {
    const law = "ready implies started, health open and not stopping";
    const { settings, isStopping } = this.#subject;
    if (!this.tier.isStarted) this.#subject.accuse(law, "ready before onStart was done");
    if (settings.useHealthServer && !this.#world?.isHealthOpen) this.#subject.accuse(law, "ready with health closed");
    if (isStopping) this.#subject.accuse(law, "ready while stopping");
  }

  #judgeBudget(): void {
    const { clock, process, settings, stoppingSince } = this.#subject;
    if (stoppingSince === undefined) return;
    const took = clock.now - stoppingSince.ms - (process.pausedMs - stoppingSince.pausedMs);
    if (took <= settings.shutdownTimeoutMs + 0.01) return;
    const detail = `${this.#subject.path} after ${took.toFixed(1)} ms of ${settings.shutdownTimeoutMs} ms`;
    this.#subject.accuse("within the budget", detail);
  }

  /** A phase ends when its fact comes, by the clock of the world. */
  #judgeDuration({ phase, offsetMs, durationMs }: EndedPhase): void {
    const isAt = this.#subject.clock.now - this.#constructedAt;
    if (Math.abs(offsetMs + durationMs - isAt) <= 0.01) return;
    const detail = `${phase} began at ${offsetMs} and took ${durationMs}, but it was ${isAt.toFixed(3)}`;
    this.#subject.accuse("no duration or beat moves with the wall clock", detail);
  }

  #judgeLeftovers(): void {
    const { snapshot, serviceClock } = this.#subject;
    const children = Object.values(snapshot.children).filter((child) => child?.getSnapshot().status === "active").length;
    const left = [
      ...(serviceClock.pending > 0 ? [`${serviceClock.pending} timer(s)`] : []),
      ...(children > 0 ? [`${children} child actor(s)`] : []),
      ...(this.tier.kept > 0 ? [`${this.tier.kept} release(s) that were not called`] : []),
      ...(this.#world?.leftovers() ?? []),
    ];
    if (left.length > 0) this.#subject.accuse("no timer, child or listener left", left.join(", "));
  }

  /** How often a state, or any state, was entered by the facts. */
  #entered(state?: StateName): number {
    return this.#facts.filter((fact) => fact.type === "state.entered" && (state ?? fact.state) === fact.state).length;
  }
}

/** How long two of one id may both believe, in ms: a heartbeat and a beat's deadline. */
export const bothBelieveMs = ({ heartbeatMs }: Settings): number => heartbeatMs * 1.1 + defaultSettings.writeTimeoutMs;
