/** The task of the current term, followed beyond the moment in which its lead was lost. */

/** a task that ends because it was asked to rejects with an AbortError, as every API that takes a signal does */
const isAbortOf = (signal: AbortSignal, error: unknown): boolean =>
  signal.aborted && (error === signal.reason || (error as { name?: unknown } | undefined)?.name === "AbortError");

export class RunningTask {
  #running: Promise<void> = Promise.resolve();

  /** Settles with the task. */
  begin(signal: AbortSignal, task: () => Promise<void>): Promise<void> {
    this.#running = (async () => task())().catch((error: unknown) => {
      if (!isAbortOf(signal, error)) throw error;
    });
    return this.#running;
  }

  /** Resolves once the last task has ended; rejects with what it threw, unless that is only the abort it was asked for. */
  settled(): Promise<void> {
    return this.#running;
  }
}
