/** The lease of a lane as its worker knows it: its work ends when the lease is lost. Cheap, since there is one for each turn. */
import { forManyWaits } from "../until.ts";

export class Lease {
  #controller: AbortController | undefined;
  #reason: DOMException | undefined;
  #reject = (_reason: DOMException): void => {};

  get isLost(): boolean {
    return this.#reason !== undefined;
  }

  /** Created on first access: most work reads no signal. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return forManyWaits(this.#controller.signal);
  }

  /** Ends the work under way. The first reason is kept. */
  lose(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = new DOMException(reason, "AbortError");
    this.#controller?.abort(this.#reason);
    this.#reject(this.#reason);
  }

  /** Settles with `work`, or rejects as soon as the lease is lost; a later result is dropped. One call at a time. */
  whileHeld<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#reason !== undefined) reject(this.#reason);
      work.then(resolve, reject);
    });
  }
}
