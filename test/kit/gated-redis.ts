/** A Redis behind a proxy, and the effects on it: each passes when its gate opens, and fails while the way there is cut. */
import { setTimeout as pause } from "node:timers/promises";
import { Gates } from "./gates.ts";
import { LoopbackProxy } from "./proxy.ts";
import type { TestRedis } from "./redis.ts";

export class GatedRedis {
  readonly gates = new Gates();
  readonly redis: TestRedis;
  readonly proxy: LoopbackProxy;
  #isCut = false;

  static async before(redis: TestRedis): Promise<GatedRedis> {
    return new GatedRedis(redis, await LoopbackProxy.start(redis.port));
  }

  private constructor(redis: TestRedis, proxy: LoopbackProxy) {
    this.redis = redis;
    this.proxy = proxy;
  }

  get url(): string {
    return this.proxy.through(this.redis.url);
  }

  /** The effect, once its gate is open. */
  async gated<T>(name: string, signal: AbortSignal, effect: () => Promise<T>): Promise<T> {
    await this.gates.hold(name, signal);
    return this.insist(signal, effect);
  }

  /** An effect that is let pass waits for its connection to be made again; while the way is cut it fails. */
  async insist<T>(signal: AbortSignal, effect: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await effect();
      } catch (error) {
        if (this.#isCut || signal.aborted) throw error;
        await pause(2);
      }
    }
  }

  async cut(): Promise<void> {
    this.#isCut = true;
    await this.proxy.refuse();
  }

  async mend(): Promise<void> {
    this.proxy.mode = "pass";
    await this.proxy.accept();
    this.#isCut = false;
  }

  /** Opens a gate on a way on which nothing comes through; `lift` ends it. */
  async hang(name: string): Promise<void> {
    const gate = await this.gates.take(name);
    this.proxy.mode = "stall";
    gate.open();
    await pause(1);
  }

  /** What was sent meanwhile is lost, so its connections are broken. */
  lift(): void {
    this.proxy.mode = "pass";
    this.proxy.cut();
  }

  /** Has `act` happen between the drawing of an incarnation and the first write. Resolves when it has. */
  beforeFirstWrite(act: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.proxy.beforeUp = (chunk) => {
        if (!chunk.includes("'released'")) return undefined;
        this.proxy.beforeUp = undefined;
        const done = act();
        done.then(resolve, reject);
        return done;
      };
    });
  }

  /** Nothing waits, and nothing is left of the proxy. */
  async end(): Promise<void> {
    this.#isCut = true;
    this.proxy.mode = "pass";
    this.gates.openAll();
    await this.proxy.stop();
  }
}
