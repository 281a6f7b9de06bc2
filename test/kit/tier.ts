/** A tier whose hooks are the test's, and a record of what happened to it. */
import type { HookContext, ServiceOptions } from "../../src/index.ts";
import { StargazerService } from "../../src/index.ts";
import { silentLogger } from "../../src/logger.ts";
import { withPatience } from "./patience.ts";

export interface TestHooks {
  onStart?(context: HookContext, tier: TestTier): Promise<void> | void;
  run?(context: HookContext, tier: TestTier): Promise<void> | void;
  onDrain?(context: HookContext, tier: TestTier): Promise<void> | void;
  onStop?(context: HookContext, tier: TestTier): Promise<void> | void;
}

/** Resolves when the signal has aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** Never settles: a hook that hangs. */
export const hangs = (): Promise<never> => new Promise(() => {});

/**
 * Without hooks of its own: starts at once, runs until its signal, stops at once. No jitter, a free health port, silent. Patient: a test
 * that waits for a beat or for the end of a deadline gives its time.
 */
export class TestTier extends StargazerService {
  /** hooks begun, and the top-level states entered, in order */
  readonly calls: string[] = [];
  readonly states: string[] = [];
  readonly #hooks: TestHooks;

  constructor(options: Partial<ServiceOptions> = {}, hooks: TestHooks = {}) {
    super(withPatience({ serviceName: "test", jitterMaxMs: 0, healthPort: 0, logger: silentLogger, ...options }));
    this.#hooks = hooks;
    if (hooks.onDrain) this.onDrain = (context) => hooks.onDrain!(context, this);
    this.states.push(this.state);
    this.actor.subscribe(() => {
      if (this.states.at(-1) !== this.state) this.states.push(this.state);
    });
  }

  protected override async onStart(context: HookContext): Promise<void> {
    this.calls.push("onStart");
    await this.#hooks.onStart?.(context, this);
  }

  protected override async run(context: HookContext): Promise<void> {
    this.calls.push("run");
    await (this.#hooks.run ? this.#hooks.run(context, this) : aborted(context.signal));
  }

  protected override async onStop(context: HookContext): Promise<void> {
    this.calls.push("onStop");
    await this.#hooks.onStop?.(context, this);
  }
}
