/** The one channel of a service's facts: in the order in which they happen, each to every listener before the next one. */
import type { ServiceFact } from "./facts.ts";

export class FactQueue {
  readonly #deliver: (fact: ServiceFact) => void;
  readonly #waiting: ServiceFact[] = [];
  #isDelivering = false;

  /** `deliver` must not throw. */
  constructor(deliver: (fact: ServiceFact) => void) {
    this.#deliver = deliver;
  }

  /** Keeps a fact of the transition under way until `flush`. */
  hold(fact: ServiceFact): void {
    this.#waiting.push(fact);
  }

  /** Delivers a fact: at once, or behind the ones that wait already. */
  add(fact: ServiceFact): void {
    this.#waiting.push(fact);
    if (this.#waiting.length === 1) this.flush();
  }

  /** Delivers what waits. Called from within a delivery it returns at once: the facts follow when that delivery is done. */
  flush(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      for (let fact = this.#waiting.shift(); fact !== undefined; fact = this.#waiting.shift()) this.#deliver(fact);
    } finally {
      this.#isDelivering = false;
    }
  }
}
