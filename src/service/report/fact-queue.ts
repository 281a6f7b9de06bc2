/** The one channel of a service's facts: in the order in which they happen, each to every listener before the next one. */
import { afterTurn } from "../../clock.ts";
import type { ServiceFact } from "./facts.ts";

/** after so many facts in a row signals and timers get a turn: a listener may cause a fact at each one */
const breatherEvery = 100;

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

  /**
   * Delivers what waits. Called from within a delivery it returns at once: the facts follow when that delivery is done. What is left
   * after a hundred facts follows in a later turn.
   */
  flush(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      for (let count = 0; count < breatherEvery && this.#waiting.length > 0; count += 1) this.#deliver(this.#waiting.shift()!);
    } finally {
      this.#isDelivering = false;
    }
    if (this.#waiting.length > 0) afterTurn(() => this.flush());
  }
}
