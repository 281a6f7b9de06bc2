/** Catches what nobody else does, so that a life can be blamed for it. Close it, or it outlives the simulation. */
export class Uncaught {
  onError: (error: unknown) => void = () => {};
  readonly #listener = (error: unknown): void => this.onError(error);

  constructor() {
    process.on("unhandledRejection", this.#listener).on("uncaughtException", this.#listener);
  }

  close(): void {
    process.off("unhandledRejection", this.#listener).off("uncaughtException", this.#listener);
  }
}
