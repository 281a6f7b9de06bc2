/** Runs a tier's hooks: their signals, their named phases, their deferred releases, and the work in flight. */
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { AnyActorRef } from "xstate";
import type { Companion, CompanionCommand, HookFact, ReleaseWork } from "../../../machines/index.ts";
import type { Moment } from "../../../machines/phases.ts";
import { effectPhases, pathOf } from "../../../machines/phases.ts";
import type { Clock } from "../../clock.ts";
import { messageOf, StargazerError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Waiting } from "../../until.ts";
import { forManyWaits, rejectingLater, rejectLater } from "../../until.ts";
import { forLog } from "../report/facts.ts";
import type { HookTracing } from "../tracing.ts";
import type { HookContext } from "../types.ts";
import { isAbortOf, stopReason } from "./abort.ts";
import { companionEnded } from "./companion.ts";
import type { Release } from "./releases.ts";
import { Releases } from "./releases.ts";

/** The named phase that code runs in, so that phases nest, also where several run at once. */
const surrounding = new AsyncLocalStorage<{ readonly runner: HookRunner; readonly phase: string }>();

const resign: CompanionCommand = { type: "resign" };

type Hook = (context: HookContext) => Promise<void> | void;

/** What a tier writes. */
export interface Hooks {
  readonly onStart: Hook;
  readonly run: Hook;
  /** the tier's `onDrain`, looked up when it is needed: it may be a field of the class; undefined where the tier has none */
  readonly drainHook: () => Hook | undefined;
  readonly onStop: Hook;
}

export interface HookRunnerOptions {
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly log: Logger;
  readonly redis: () => RedisClient;
  /** now, on the clocks of the service */
  readonly moment: () => Moment;
  /** sends the chart a fact; false, and without effect, once the service has stopped */
  readonly send: (fact: HookFact) => boolean;
  /** spawns a chart under the service's; undefined if that is over */
  readonly spawn: (companion: Companion) => Promise<AnyActorRef | undefined>;
  readonly tracing: HookTracing;
}

interface LateHook {
  readonly phase: string;
  readonly code: string;
  /** aborts when the chart leaves the hook's state */
  readonly left: AbortSignal;
  /** the one that the hook has */
  readonly signal: AbortSignal;
}

export class HookRunner {
  readonly #options: HookRunnerOptions;
  readonly #constructed = new AsyncResource("StargazerService");
  /** for `onStart` and `run`; it does not end with their states but at the fourth step of stopping */
  readonly #work = new AbortController();
  /** for every hook: aborts on entry of `stopping`, before its first step */
  readonly #stopping = new AbortController();
  readonly #inFlight = new Set<Promise<unknown>>();
  /** the charts that the hooks have spawned and that have not ended */
  readonly #companions = new Set<AnyActorRef>();
  readonly #releases: Releases;
  #stop: Promise<void> | undefined;

  constructor(options: HookRunnerOptions) {
    this.#options = options;
    this.#releases = new Releases(options.clock, (failure) => {
      const isReported = options.send({ type: "hook.failed", failure: { phase: effectPhases.releaseTier, ...failure } });
      if (!isReported) options.log.error(forLog({ type: "release.failed", ...failure }), failure.message);
    });
  }

  /**
   * Calls a hook in the asynchronous context in which the service was constructed, not in that of a request that stops it. Creating
   * the resource takes a hundredth of what `AsyncLocalStorage.snapshot()` takes.
   */
  inContext<T>(call: () => T): T {
    return this.#constructed.runInAsyncScope(call);
  }

  /** Runs `onStart`. The chart learns of an `onDrain` before it learns that `onStart` has ended. */
  start({ signal: left }: Waiting): Promise<void> {
    const { hooks, send } = this.#options;
    const start: Hook = async (context) => {
      await hooks.onStart(context);
      if (hooks.drainHook() !== undefined) send({ type: "drain.owed" });
    };
    return this.#tracked(start, { phase: effectPhases.startTier, code: "SG_ERR_START_FAILED", left, signal: this.#work.signal });
  }

  run({ signal: left }: Waiting): Promise<void> {
    const { run } = this.#options.hooks;
    return this.#tracked(run, { phase: effectPhases.runTier, code: "SG_ERR_RUN_FAILED", left, signal: this.#work.signal });
  }

  /** Runs `onDrain`, in the microtask behind the transition, so after the probes show that the service stops. */
  announce({ signal }: Waiting): Promise<void> {
    const drain: Hook = async (context) => {
      await Promise.resolve();
      await this.#options.hooks.drainHook()?.(context);
    };
    return this.#tracked(drain, { phase: effectPhases.announceTier, code: "SG_ERR_DRAIN_FAILED", left: signal, signal });
  }

  /** Aborts the signal of `onStart` and `run`, asks the companions to end, and waits for the work in flight. */
  async drain(): Promise<void> {
    this.abort();
    await Promise.allSettled(this.#inFlight);
  }

  /** Aborts `context.stopping`. Any number of times. */
  abortStopping(): void {
    this.#stopping.abort(stopReason);
  }

  abort(): void {
    // accepted mutant (false): only a chart that fails while it drains has its companions resign twice
    if (this.#work.signal.aborted) return;
    this.abortStopping();
    this.#work.abort(stopReason);
    for (const companion of this.#companions) companion.send(resign);
  }

  /** Runs `onStop`. Every call returns the same promise: the host may call it again when it unwinds without the chart. */
  stop({ signal }: Waiting): Promise<void> {
    if (this.#stop === undefined) {
      const phase = effectPhases.stopTier;
      this.#stop = this.#called(phase, async () => this.#options.hooks.onStop(this.#context(phase, signal)));
      void this.#lateReported(this.#stop, { phase, code: "SG_ERR_STOP_FAILED", left: signal, signal });
    }
    return this.#stop;
  }

  release({ withinMs }: ReleaseWork, { signal }: Waiting): Promise<void> {
    return this.#called(effectPhases.releaseTier, () => this.#releases.run(withinMs, signal));
  }

  /** Ends the unwinding: what is deferred from now on is released at once. */
  endReleases(): void {
    this.#releases.end();
  }

  /** Calls code of the tier's in its context, and under the span of its phase where there are traces. */
  #called(phase: string, call: () => Promise<void>): Promise<void> {
    return this.inContext(() => this.#options.tracing.hook(phase, call));
  }

  /** A hook may outlive its state, which aborts `left`: the drain waits for it, and its late failure is reported. */
  #tracked(hook: Hook, late: LateHook): Promise<void> {
    const running = this.#called(late.phase, async () => hook(this.#context(late.phase, late.signal)));
    this.#awaitInDrain(this.#lateReported(running, late));
    return running;
  }

  /** Never rejects. A failure after `left` has aborted is reported, unless it only repeats the abort of the hook's own signal. */
  #lateReported(hook: Promise<void>, { phase, code, left, signal }: LateHook): Promise<void> {
    return hook.catch((error: unknown) => {
      if (!left.aborted || isAbortOf(signal, error)) return;
      this.#options.send({ type: "hook.failed", failure: { phase, code, message: messageOf(error), cause: error } });
    });
  }

  #awaitInDrain(settled: Promise<void>): void {
    this.#inFlight.add(settled);
    // equivalent mutant: waiting for what has settled takes no time
    void settled.finally(() => this.#inFlight.delete(settled));
  }

  /** Beside the hook: the drain waits for both, and a failure is the hook's that awaits it. */
  #spawn(companion: Companion): Promise<void> {
    return rejectingLater(async () => {
      demandCompanion(companion);
      this.#work.signal.throwIfAborted();
      const ended = this.#ended(companion);
      this.#awaitInDrain(ended.catch(() => {}));
      await ended;
    });
  }

  async #ended(companion: Companion): Promise<void> {
    const actor = await this.#options.spawn(companion);
    if (actor === undefined) throw stopReason;
    this.#companions.add(actor);
    // the drain may have begun meanwhile
    if (this.#work.signal.aborted) actor.send(resign);
    try {
      await companionEnded(actor);
    } finally {
      this.#companions.delete(actor);
    }
  }

  #context(phase: string, signal: AbortSignal): HookContext {
    const { log, redis, send } = this.#options;
    return {
      signal: forManyWaits(signal),
      stopping: forManyWaits(this.#stopping.signal),
      log,
      get redis() {
        return redis();
      },
      defer: (release: Release) => {
        const wrong = noFunction("defer", release);
        if (wrong !== undefined) throw wrong;
        if (this.#releases.defer(release)) send({ type: "release.owed" });
      },
      spawn: (companion) => this.#spawn(companion),
      phase: (name, work) => this.#phase(pathOf(this.#phaseHere() ?? phase, name), signal, work),
    };
  }

  #phaseHere(): string | undefined {
    const here = surrounding.getStore();
    return here?.runner === this ? here.phase : undefined;
  }

  async #phase<T>(name: string, signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
    const { send, tracing, moment } = this.#options;
    const wrong = noFunction("phase", work);
    if (wrong !== undefined || signal.aborted) return rejectLater(wrong ?? signal.reason);
    const outcomeOf = (error: unknown) => (isAbortOf(signal, error) ? "aborted" : "failed");
    const began = moment();
    send({ type: "phase.began", phase: name, began });
    try {
      const call = async () => surrounding.run({ runner: this, phase: name }, work);
      const result = await tracing.phase(name, call, outcomeOf);
      send({ type: "phase.ended", phase: name, outcome: "done", began });
      return result;
    } catch (error) {
      send({ type: "phase.ended", phase: name, outcome: outcomeOf(error), began });
      throw error;
    }
  }
}

const demandCompanion = (given: Partial<Companion> | null | undefined): void => {
  const { name, logic, input } = given ?? {};
  const isWhole = typeof name === "string" && typeof logic?.transition === "function" && typeof input === "object";
  if (isWhole && input !== null) return;
  throw new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    "context.spawn takes { name, logic, input }: a text, a machine and an object.",
  );
};

const noFunction = (call: string, given: unknown): StargazerError | undefined => {
  if (typeof given === "function") return undefined;
  const found = given === null ? "null" : typeof given;
  return new StargazerError("SG_ERR_CONFIG_INVALID", `context.${call} takes a function, not ${found}.`);
};
