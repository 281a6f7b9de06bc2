/** What the flight recorder notes of a service, as items of the journal. */
import type { StateDeadline } from "../../../machines/describe.ts";
import { deadlineOf, waitsForOf } from "../../../machines/describe.ts";
import type { Begun, LifecycleSnapshot } from "../../../machines/index.ts";
import { outcomeOf } from "../../../machines/lifecycle.machine.ts";
import { effectPhases, isChartPhase, isRunning, isStopping } from "../../../machines/phases.ts";
import { statePath } from "../../../machines/state.ts";
import type { FlightRecorder, Noted } from "../../flight/recorder.ts";
import type { Readiness } from "../../health/readiness.ts";
import type { BootEnd, JournalItem } from "../../journal/item.ts";
import { RunPhases } from "../../journal/run-phases.ts";
import type { JournalWriter } from "../../journal/writer.ts";
import type { ServiceFact } from "./facts.ts";
import { levelOf, wordsOf } from "./facts.ts";

/** The journal takes nothing more of this service, which goes on without it. */
export interface JournalFact {
  readonly type: "journal.off";
  readonly reason: string;
}

export interface ServiceJournalOptions {
  readonly writer: JournalWriter;
  readonly recorder: FlightRecorder;
  readonly now: () => number;
  readonly snapshot: () => LifecycleSnapshot;
  readonly readiness: () => Readiness;
}

type Item = JournalItem extends infer Each ? (Each extends unknown ? Omit<Each, "at"> : never) : never;

/**
 * The states in which code of the tier runs, if that is owed. It may block the event loop or end the process, so what leads there is sent
 * first.
 */
const hookOwed: Readonly<Record<string, (begun: Begun) => boolean>> = {
  [effectPhases.startTier]: () => true,
  [effectPhases.runTier]: () => true,
  [effectPhases.stopTier]: ({ tier }) => tier,
  [effectPhases.releaseTier]: ({ releases }) => releases,
};

const leads: Readonly<Partial<Record<ServiceFact["type"], boolean>>> = {
  "leadership.gained": true,
  "leadership.lost": false,
  "leadership.released": false,
  "leadership.abandoned": false,
};

/** the readiness of a chart that is not ready */
const notReady = "false ";

export class ServiceJournal {
  readonly #options: ServiceJournalOptions;
  readonly #phases = new RunPhases();
  #path = "";
  #deadlineAt: number | undefined;
  #waits = "";
  #readiness = "";

  constructor(options: ServiceJournalOptions) {
    this.#options = options;
    options.recorder.follow((noted, snapshot) => this.#look(noted, snapshot));
    const snapshot = options.snapshot();
    this.#lookAhead(options.now(), statePath(snapshot), snapshot);
    // the tier's code may be under way
    options.writer.flush();
  }

  /** Notes the readiness where it has changed. */
  lookAtReadiness(given?: Readiness): void {
    const { snapshot, now, readiness } = this.#options;
    // where the chart itself is not ready its state is the reason, in one state after another
    const isOpen = snapshot().hasTag("ready");
    if (!isOpen && this.#readiness === notReady) return;
    const verdict = given ?? readiness();
    const reason = verdict.ready ? "" : verdict.reason;
    // figures in a reason change with each check
    const known = isOpen ? `${verdict.ready} ${reason.replace(/\d+/g, "")}` : notReady;
    if (known === this.#readiness) return;
    this.#readiness = known;
    this.#note(now(), { kind: "ready", ready: verdict.ready, reason });
  }

  /** How the service ends, as far as it is known, with the steps of the stop that have ended. */
  ending(): BootEnd {
    const { context } = this.#options.snapshot();
    const steps = context.phases.flatMap(({ phase, durationMs }) =>
      isStopping(phase) && durationMs !== undefined ? [[phase, durationMs]] : [],
    );
    return {
      outcome: outcomeOf(context),
      reason: context.cause?.reason ?? "",
      failures: context.failures.map(({ phase, code, message }) => ({ phase, code, message })),
      steps: Object.fromEntries(steps) as Record<string, number>,
    };
  }

  #note(at: number, item: Item): void {
    this.#options.writer.note({ ...item, at } as JournalItem);
  }

  #look({ measuredAt: at, event, value }: Noted, snapshot: LifecycleSnapshot | undefined): void {
    if (value === undefined) {
      this.#fact(at, event as ServiceFact);
    } else {
      const path = statePath({ value });
      if (snapshot === undefined) this.#recall(at, path);
      this.#step(at, event, path);
      if (snapshot !== undefined) this.#lookAhead(at, path, snapshot);
    }
  }

  /** Notes a state that was entered before the journal was loaded; only the present one still has a deadline. */
  #recall(at: number, path: string): void {
    if (path === this.#path) return;
    const snapshot = this.#options.snapshot();
    this.#entered(at, path, path === statePath(snapshot) ? deadlineOf(snapshot, at) : undefined);
  }

  #entered(at: number, path: string, deadline: StateDeadline | undefined): void {
    this.#path = path;
    this.#deadlineAt = deadline && at + deadline.ms;
  }

  /** The beginning and the end of a tier's own phase are arrows too; they have items of their own. */
  #step(at: number, event: { readonly type: string }, path: string): void {
    const { type, phase = "" } = event as { readonly type: string; readonly phase?: string };
    if (type === "phase.began") this.#began(at, phase);
    else if (type !== "phase.ended") this.#note(at, { kind: "step", path, event: type });
  }

  #fact(at: number, fact: ServiceFact): void {
    if (fact.type === "phase.ended") this.#ended(at, fact.phase, fact.outcome, fact.durationMs);
    const isLeader = leads[fact.type];
    if (isLeader !== undefined && "name" in fact) this.#leads(at, { kind: "leads", name: fact.name, leads: isLeader });
    const level = levelOf(fact);
    if (level === "warn" || level === "error") this.#note(at, { kind: "fact", type: fact.type, level, text: wordsOf(fact) });
  }

  #leads(at: number, item: Item): void {
    this.#note(at, item);
    // the code of the leader runs next, and may block the event loop
    this.#options.writer.flush();
  }

  #began(at: number, phase: string): void {
    const isWritten = !isRunning(phase) || this.#phases.begins(phase, at);
    // the first one of the next second says how many there were
    if (isWritten) this.#counted(at);
    if (!isWritten) return;
    this.#note(at, { kind: "began", phase, deadlineMs: this.#leftMs(at) });
    // the code of the phase runs next, and may block the event loop
    this.#options.writer.flush();
  }

  #ended(at: number, phase: string, outcome: string, ms: number): void {
    if (isChartPhase(phase)) this.#counted(at);
    else if (isRunning(phase) && !this.#phases.ends(phase)) return;
    this.#note(at, { kind: "ended", phase, outcome, ms });
  }

  #counted(at: number): void {
    const phases = this.#phases.take();
    if (phases > 0) this.#note(at, { kind: "counted", phases });
  }

  /** What is left of the timer that ends the present state. */
  #leftMs(at: number): number | null {
    return this.#deadlineAt === undefined ? null : Math.max(0, this.#deadlineAt - at);
  }

  /** What the chart waits for, where that has changed; before the tier's code runs all of it is sent. */
  #lookAhead(at: number, path: string, snapshot: LifecycleSnapshot): void {
    const isNew = path !== this.#path;
    if (isNew) this.#entered(at, path, deadlineOf(snapshot));
    const what = waitsForOf(snapshot);
    if (what !== "" && (isNew || what !== this.#waits)) this.#note(at, { kind: "waits", what, deadlineMs: this.#leftMs(at) });
    this.#waits = what;
    if (isNew && hookOwed[path]?.(snapshot.context.begun)) this.#options.writer.flush();
  }
}
