/** Catches uncaught errors, so that they count as violations of the life that threw them. Has to be closed, or it outlives the simulation. */
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
