/**
 * A pool of one thread that is kept for many runs: starting a thread and loading Vitest and XState into it costs more than the tests
 * of a chart do. Vitest evaluates the code and its tests anew in each run; what is kept is Vitest itself and the packages.
 */
import type { PoolOptions, PoolWorker, WorkerRequest } from "vitest/node";
import { ThreadsPoolWorker } from "vitest/node";

/** what a run leaves behind in Vitest's runtime is dropped with the thread */
const runsOfThread = 25;

type Listener = (value: unknown) => void;
type Config = Extract<WorkerRequest, { type: "start" }>["context"]["config"];

let kept: ThreadsPoolWorker | undefined;
let runs = 0;

class KeptThread implements PoolWorker {
  readonly name = "kept";
  readonly #options: PoolOptions;
  readonly #listeners: [event: string, listener: Listener][] = [];
  #thread: ThreadsPoolWorker | undefined;
  #config: Config | undefined;
  #isFresh = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#isFresh = kept === undefined;
    this.#thread = kept ?? new ThreadsPoolWorker(this.#options);
    kept = undefined;
    if (this.#isFresh) await this.#thread.start();
  }

  on(event: string, listener: Listener): void {
    this.#listeners.push([event, listener]);
    this.#thread!.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.#thread!.off(event, listener);
  }

  /** A kept thread has started, and is not stopped; its config comes with each run. */
  send(message: WorkerRequest): void {
    if (message.type === "start") this.#config = message.context.config;
    if (message.type === "stop") this.#answer("stopped");
    else if (message.type === "start" && !this.#isFresh) this.#answer("started");
    else this.#thread!.send(message.type === "run" ? this.#withConfig(message) : message);
  }

  #withConfig(message: WorkerRequest): WorkerRequest {
    return { ...message, context: { ...(message as { context: object }).context, config: this.#config } } as WorkerRequest;
  }

  #answer(type: "started" | "stopped"): void {
    for (const [event, listener] of this.#listeners)
      if (event === "message") queueMicrotask(() => listener({ type, __vitest_worker_response__: true }));
  }

  async stop(): Promise<void> {
    for (const [event, listener] of this.#listeners) this.#thread!.off(event, listener);
    runs = this.#isFresh ? 1 : runs + 1;
    if (runs < runsOfThread) kept = this.#thread;
    else await this.#thread!.stop();
  }

  deserialize(data: unknown): unknown {
    return data;
  }
}

export const keptThread = {
  name: "kept",
  createPoolWorker: (options: PoolOptions): PoolWorker => new KeptThread(options),
  /** Ends the thread that is kept between two runs. */
  end: async (): Promise<void> => kept?.stop(),
};
