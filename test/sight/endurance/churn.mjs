/** What happens in a large fleet, by seed and at a rate: phases of work all over, and instances that lose their readiness, stop and boot anew. */
import { setTimeout as pause } from "node:timers/promises";

/** ms between two writes to Redis */
const stepMs = 20;
/** instances that are not ready at a time, at most */
const mostUnready = 20;
const reason = "Redis is not reachable: no answer, 3 times in a row";

const work = [
  { kind: "began", phase: "running.job", deadlineMs: null },
  { kind: "ended", phase: "running.job", outcome: "done", ms: 3 },
];
const ready = { kind: "ready", ready: true, reason: "" };
const notReady = { kind: "ready", ready: false, reason };

export class Churn {
  #fleet;
  #random;
  #unready = [];
  #busy = new Set();
  /** messages and registry events that were written */
  count = 0;

  constructor(fleet, random) {
    this.#fleet = fleet;
    this.#random = random;
  }

  /** The names of the instances that are not ready. */
  get unready() {
    return new Set(this.#unready.map(({ name }) => name));
  }

  /**
   * For so many seconds. `hot`: how many of the instances change state and readiness, so that what is remembered of them soon has its full
   * length; `restarts`: of these, a second.
   */
  async run({ seconds, perSecond, hot, restarts, signal }) {
    const startedAt = performance.now();
    let [done, restarted] = [0, 0];
    const restarting = new Set();
    while (performance.now() - startedAt < seconds * 1000 && !signal?.aborted) {
      const passed = (performance.now() - startedAt) / 1000;
      const due = Math.floor(passed * perSecond);
      if (due > done) await this.#write(due - done, hot);
      done = due;
      for (; restarted < Math.floor(passed * restarts); restarted += 1) {
        const one = this.#restart(hot).finally(() => restarting.delete(one));
        restarting.add(one);
      }
      await pause(stepMs);
    }
    await Promise.all(restarting);
    await this.#settle();
  }

  async #write(count, hot) {
    const all = this.#fleet.instances;
    const items = new Map();
    for (let n = 0; n < count; n += 1) {
      const [one, what] = n % 2 === 0 ? this.#work(all) : this.#turn(all.slice(0, hot));
      // of work and readiness in one message, readiness counts
      if (!this.#busy.has(one.name) && !(what === work && items.has(one))) items.set(one, what);
    }
    // one message of each instance at a time, as each writes one a turn
    await this.#fleet.write([...items.keys()], (one) => items.get(one));
    this.count += items.size;
  }

  #work(all) {
    return [this.#random.pick(all), work];
  }

  /** Readiness falls, or returns to the one that lost it first. */
  #turn(hot) {
    const one = this.#random.pick(hot);
    if (this.#busy.has(one.name)) return [one, work];
    if (this.#unready.includes(one) || this.#unready.length >= mostUnready) {
      const first = this.#unready.shift();
      return [first, [ready]];
    }
    this.#unready.push(one);
    return [one, [notReady]];
  }

  async #restart(hot) {
    const one = this.#random.pick(this.#fleet.instances.slice(0, hot));
    if (this.#busy.has(one.name)) return;
    this.#busy.add(one.name);
    this.#unready = this.#unready.filter((each) => each !== one);
    await this.#fleet.stop([one]);
    await this.#fleet.boot(this.#fleet.restart([one]));
    this.count += 8;
    this.#busy.delete(one.name);
  }

  async #settle() {
    await this.#fleet.write(this.#unready, () => [ready]);
    this.count += this.#unready.length;
    this.#unready = [];
  }
}
