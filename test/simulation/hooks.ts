/** Hooks by plan: they resolve, reject, hang, answer late, ignore their signal, defer releases, work in phases, stop their service. */
import type { HookContext } from "../../src/service/types.ts";
import type { Timer, VirtualClock } from "./clock.ts";
import type { HookPlan, InstancePlan, ReleasePlan } from "./plan.ts";
import type { VirtualProcess } from "./process.ts";

export type HookName = "onStart" | "run" | "onDrain" | "onStop";

/** How a hook ended. `aborted`: it rejected with its signal's reason. */
export type HookEnd = "resolved" | "failed" | "aborted";

/** The observers of the hooks. */
export interface HookWatcher {
  began(hook: HookName, signal: AbortSignal): void;
  ended(hook: HookName, how: HookEnd): void;
  /** returns the number that the release is called by */
  deferred(): number;
  releaseBegan(release: number): void;
  releaseEnded(release: number, how: "resolved" | "failed"): void;
  met(fault: string): void;
}

export interface HookActorsOptions {
  readonly clock: VirtualClock;
  readonly process: VirtualProcess;
  readonly plan: InstancePlan;
  readonly watcher: HookWatcher;
  /** the service's own, called from within a hook */
  readonly shutdown: (reason: string | Error) => void;
}

export class HookActors {
  readonly #options: HookActorsOptions;

  constructor(options: HookActorsOptions) {
    this.#options = options;
  }

  has(hook: HookName): boolean {
    return this.#options.plan[hook] !== undefined;
  }

  perform(hook: HookName, context: HookContext): Promise<void> {
    const { watcher } = this.#options;
    const plan = this.#options.plan[hook]!;
    watcher.began(hook, context.signal);
    if (plan.ends === "throws") {
      watcher.met(`${hook} throws`);
      watcher.ended(hook, "failed");
      throw new Error(`${hook} threw`);
    }
    return this.#work(hook, plan, context);
  }

  async #work(hook: HookName, plan: HookPlan, context: HookContext): Promise<void> {
    const { watcher, shutdown } = this.#options;
    try {
      for (const release of plan.releases) this.#defer(release, context);
      if (plan.shutsDown === "first") shutdown(`${hook} asked first`);
      await this.#inPhases(hook, plan, context);
      if (plan.shutsDown === "last") shutdown(`${hook} asked last`);
      if (plan.shutsDown === "with an error") shutdown(new Error(`${hook} asked with an error`));
      if (plan.ends === "rejects") throw new Error(`${hook} failed`);
    } catch (error) {
      const saysSo = context.signal.aborted && (error as Error).name === "AbortError";
      watcher.ended(hook, saysSo ? "aborted" : "failed");
      throw error;
    } finally {
      if (plan.defersLast) this.#defer({ ms: 0, ends: "resolves" }, context);
    }
    watcher.ended(hook, "resolved");
  }

  async #inPhases(hook: HookName, plan: HookPlan, context: HookContext): Promise<void> {
    const work = () => this.#wait(hook, plan, context.signal);
    const [first, second] = plan.phases;
    if (first === undefined) return work();
    if (second === undefined) return context.phase(first, work);
    if (plan.isNested) return context.phase(first, () => context.phase(second, work));
    await Promise.all([context.phase(first, work), context.phase(second, work)]);
  }

  #wait(hook: HookName, plan: HookPlan, signal: AbortSignal): Promise<void> {
    const { clock, process, watcher } = this.#options;
    if (plan.ms === Infinity) watcher.met(`${hook} hangs`);
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settleIn = (ms: number, settle: () => void) => {
        if (timer) clock.cancel(timer);
        timer = ms === Infinity ? undefined : clock.schedule(settle, ms, `${hook} goes on`, process);
      };
      const done = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        if (plan.onAbort !== "obeys") watcher.met(`${hook}, asked to end: ${plan.onAbort}`);
        if (plan.onAbort === "ignores") return;
        settleIn(plan.onAbort === "late" ? plan.lateMs : Infinity, resolve);
        if (plan.onAbort === "returns") resolve();
        else if (plan.onAbort === "obeys") reject(signal.reason);
        else if (plan.onAbort === "abortError") reject(new DOMException("cut", "AbortError"));
        else if (plan.onAbort === "rejects") reject(new Error(`${hook} failed at the abort`));
      };
      settleIn(plan.ms, done);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
    });
  }

  #defer(plan: ReleasePlan, context: HookContext): void {
    const release = this.#options.watcher.deferred();
    context.defer(() => this.#release(release, plan));
  }

  #release(release: number, { ms, ends }: ReleasePlan): Promise<void> | undefined {
    const { clock, process, watcher } = this.#options;
    watcher.releaseBegan(release);
    if (ms === Infinity) watcher.met("a release hangs");
    if (ends !== "resolves") watcher.met(`a release ${ends}`);
    const end = () => watcher.releaseEnded(release, ends === "resolves" ? "resolved" : "failed");
    if (ends === "throws" || ms === 0) {
      end();
      if (ends !== "resolves") throw new Error("a release failed");
      return undefined;
    }
    return new Promise((resolve, reject) => {
      if (ms === Infinity) return;
      const settle = () => {
        end();
        if (ends === "rejects") reject(new Error("a release failed"));
        else resolve();
      };
      clock.schedule(settle, ms, "a release goes on", process);
    });
  }
}
