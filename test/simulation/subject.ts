/** One life under observation: what all who watch it share. */
import type { LifecycleSnapshot } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import type { StargazerService } from "../../src/service/service.ts";
import type { StopReport } from "../../src/service/types.ts";
import type { VirtualClock } from "./clock.ts";
import { Evidence } from "./evidence.ts";
import type { Accuse, Invariant } from "./invariants.ts";
import type { Journal } from "./journal.ts";
import type { Settings } from "./plan.ts";
import type { CountingClock, VirtualProcess } from "./process.ts";
import type { Tally } from "./tally.ts";
import type { WallClock } from "./wall-clock.ts";

export interface SubjectOptions {
  /** identity and boot: `0/1` */
  readonly who: string;
  readonly settings: Settings;
  readonly clock: VirtualClock;
  readonly process: VirtualProcess;
  readonly serviceClock: CountingClock;
  readonly wall: WallClock;
  readonly journal: Journal;
  readonly tally: Tally;
  readonly accuse: Accuse;
}

export class Subject {
  readonly #options: SubjectOptions;
  readonly evidence = new Evidence();
  #service: StargazerService | undefined;
  /** once it has stopped */
  report: StopReport | undefined;
  /** since when it is stopping, in ms and in ms of pauses until then */
  stoppingSince: { readonly ms: number; readonly pausedMs: number } | undefined;

  constructor(options: SubjectOptions) {
    this.#options = options;
  }

  set service(service: StargazerService) {
    this.#service = service;
  }

  get service(): StargazerService {
    return this.#service!;
  }

  get who(): string {
    return this.#options.who;
  }

  get settings(): Settings {
    return this.#options.settings;
  }

  get clock(): VirtualClock {
    return this.#options.clock;
  }

  get process(): VirtualProcess {
    return this.#options.process;
  }

  get serviceClock(): CountingClock {
    return this.#options.serviceClock;
  }

  get wall(): WallClock {
    return this.#options.wall;
  }

  get tally(): Tally {
    return this.#options.tally;
  }

  get snapshot(): LifecycleSnapshot {
    return this.service.actor.getSnapshot();
  }

  get path(): string {
    return statePath(this.snapshot);
  }

  get isStopping(): boolean {
    return this.stoppingSince !== undefined;
  }

  note(what: string): void {
    this.#options.journal.note(this.who, what);
  }

  met(fault: string): void {
    this.tally.fault(fault);
    this.#options.journal.aside(this.who, `fault: ${fault}`);
  }

  accuse(invariant: Invariant, detail: string): void {
    this.#options.accuse(invariant, this.who, detail);
  }
}
