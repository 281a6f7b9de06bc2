/** Watches the hooks and releases of one tier: how often, in what order, one at a time. */
import { stateName } from "../../machines/index.ts";
import type { HookEnd, HookName, HookWatcher } from "./hooks.ts";
import type { Invariant } from "./invariants.ts";
import type { Subject } from "./subject.ts";

interface HookState {
  begun: number;
  how: HookEnd | undefined;
  beganAt: number;
  signal: AbortSignal | undefined;
}

const notBegun = (): HookState => ({ begun: 0, how: undefined, beganAt: 0, signal: undefined });
const phaseOf: Record<HookName, string> = {
  onStart: "starting",
  run: "running",
  onDrain: "stopping.announcing",
  onStop: "stopping.unwinding",
};
const isInFlight = ({ begun, how }: HookState): boolean => begun > 0 && how === undefined;
const hasFailed = ({ how }: HookState): boolean => how === "failed" || how === "aborted";
const onStopLaw: Invariant = "onStop exactly once if onStart was begun, else never";

export class TierWatch implements HookWatcher {
  readonly #subject: Subject;
  readonly #hooks: Record<HookName, HookState> = {
    onStart: notBegun(),
    run: notBegun(),
    onDrain: notBegun(),
    onStop: notBegun(),
  };
  readonly #releases: ("kept" | "called" | "resolved" | "failed")[] = [];

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  get isStarted(): boolean {
    return this.#hooks.onStart.how === "resolved";
  }

  /** releases that have not been called */
  get kept(): number {
    return this.#releases.filter((release) => release === "kept").length;
  }

  began(hook: HookName, signal: AbortSignal): void {
    const { clock } = this.#subject;
    const state = this.#hooks[hook];
    Object.assign(state, { begun: state.begun + 1, signal, beganAt: clock.now });
    this.#subject.note(`${hook} begins`);
    if (this.#subject.report) this.#subject.accuse("one terminal state, once", `${hook} began after the end`);
    if (state.begun > 1)
      this.#subject.accuse(hook === "onStop" ? onStopLaw : "onStart and onDrain at most once", `${hook} began again`);
    if (hook === "onStop") this.#judgeOnStop();
    else if (hook === "onDrain") this.#judgeOnDrain();
    else if (this.#subject.isStopping) this.#subject.accuse("after shutdown only forward", `${hook} began while stopping`);
  }

  ended(hook: HookName, how: HookEnd): void {
    this.#hooks[hook].how = how;
    this.#subject.note(`${hook} ${how}`);
    const { evidence, snapshot, clock } = this.#subject;
    if (snapshot.status !== "active") return;
    if (how === "failed") evidence.owed.push({ phase: phaseOf[hook], message: "" });
    const state = stateName(snapshot);
    if (hook === "onStart" && state === "starting" && how !== "resolved")
      evidence.causedBy("failed", "onStart failed", clock.now);
    if (hook !== "run" || state !== "running") return;
    if (how === "resolved") evidence.causedBy("completed", "run returned", clock.now);
    else evidence.causedBy("failed", "run failed", clock.now);
  }

  deferred(): number {
    return this.#releases.push("kept") - 1;
  }

  releaseBegan(release: number): void {
    const law = "no timer, child or listener left";
    if (this.#releases[release] !== "kept") this.#subject.accuse(law, `release ${release} was called again`);
    const last = this.#releases.lastIndexOf("kept");
    if (last !== release) this.#subject.accuse(law, `release ${release} was called before ${last}`);
    this.#releases[release] = "called";
    this.#subject.note(`release ${release}`);
  }

  releaseEnded(release: number, how: "resolved" | "failed"): void {
    this.#releases[release] = how;
    const { evidence, snapshot } = this.#subject;
    if (how === "failed" && snapshot.status === "active") evidence.owed.push({ phase: "stopping.releasing", message: "" });
  }

  met(fault: string): void {
    this.#subject.met(fault);
  }

  /** At the end of a life. */
  judgePairing(): void {
    const { onStart, onStop } = this.#hooks;
    if (onStart.begun !== onStop.begun)
      this.#subject.accuse(onStopLaw, `onStart ${onStart.begun} times, onStop ${onStop.begun} times`);
  }

  /** Whether a failure that a report names has happened here; undefined where it is not about hooks. */
  explains(code: string): boolean | undefined {
    const { onStart, run, onDrain, onStop } = this.#hooks;
    const { clock, settings } = this.#subject;
    switch (code) {
      case "SG_ERR_START_FAILED":
        return hasFailed(onStart);
      case "SG_ERR_START_TIMEOUT":
        return isInFlight(onStart) && clock.now >= onStart.beganAt + settings.startTimeoutMs - 0.01;
      case "SG_ERR_RUN_FAILED":
        return hasFailed(run);
      case "SG_ERR_DRAIN_TIMEOUT":
        return [onStart, run, onDrain].some((hook) => isInFlight(hook) && hook.signal?.aborted);
      case "SG_ERR_DRAIN_FAILED":
        return hasFailed(onDrain);
      case "SG_ERR_STOP_FAILED":
        return hasFailed(onStop) || this.#releases.includes("failed");
      case "SG_ERR_STOP_TIMEOUT":
        return isInFlight(onStop) || this.#releases.includes("called");
      default:
        return undefined;
    }
  }

  #judgeOnDrain(): void {
    const { path } = this.#subject;
    if (!this.isStarted) this.#subject.accuse("after shutdown only forward", "onDrain began before onStart was done");
    if (path !== phaseOf.onDrain) this.#subject.accuse("after shutdown only forward", `onDrain began in ${path}`);
  }

  #judgeOnStop(): void {
    const { onStart, run, onDrain } = this.#hooks;
    const { snapshot, evidence } = this.#subject;
    if (onStart.begun === 0) this.#subject.accuse(onStopLaw, "onStop began without onStart");
    const isReported = snapshot.context.failures.some(({ code }) => code === "SG_ERR_DRAIN_TIMEOUT");
    if ([onStart, run, onDrain].some(isInFlight) && !isReported && !evidence.chanceFailed)
      this.#subject.accuse(onStopLaw, "onStop overlaps a hook, and no failure names it");
  }
}
