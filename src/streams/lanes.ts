/** The calls of one worker to the scripts of the lanes. */
import type { Writes } from "../redis/commands.ts";
import { runScript } from "../redis/script.ts";
import type { Claimed, LanesOptions, Settled, Taken } from "./exchange.ts";
import { Exchange } from "./exchange.ts";
import { laneKeys } from "./keys.ts";
import { giveUpScript, joinScript, renewScript, router } from "./scripts.ts";

export type { Claimed, LanesOptions, Settled, Taken } from "./exchange.ts";

export class Lanes {
  readonly #options: LanesOptions;
  readonly #keys: readonly string[];
  readonly #own: readonly string[];
  readonly #exchange: Exchange;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#exchange = new Exchange(options);
    const { waiting, lanes, heads, fence, routed } = laneKeys(options.stream);
    this.#keys = [options.stream, waiting, lanes, heads, fence, routed];
    this.#own = [lanes, heads];
  }

  /** Creates stream and group unless they are there. Resolves with how many pending entries were put into their lanes. */
  async join(): Promise<number> {
    const { redis, group, laneFields } = this.#options;
    return Number(await runScript(redis, joinScript, { keys: this.#keys, args: [group, router, ...laneFields] }));
  }

  /** Takes lanes: as many as `wanted` returns when the call is sent. It rejects without a call where that is below 0. */
  claim(wanted: () => number): Promise<Claimed> {
    return this.#exchange.claim(wanted);
  }

  /**
   * Settles a message; with `goOn`, asked when the call is sent, the lease passes to the lane's next one. May be called again where the
   * outcome is unknown; rejects with `RefusedCommand` where nothing is settled.
   */
  settle(taken: Taken, writes: Writes, goOn: () => boolean): Promise<Settled> {
    return this.#exchange.settle({ taken, writes, goOn });
  }

  /** Gives an attempt up. Resolves with whether its lease was still held. */
  async giveUp({ lane, id, token }: Taken, { restMs, isCounted }: { restMs: number; isCounted: boolean }): Promise<boolean> {
    const args = [lane, id, token, Math.round(restMs * 1000), isCounted ? 1 : 0];
    return Number(await runScript(this.#options.redis, giveUpScript, { keys: this.#own, args })) === 1;
  }

  /** Renews the leases. Resolves with the tokens of those that have ended. */
  async renew(taken: readonly Taken[]): Promise<readonly number[]> {
    const args = [this.#leaseUs, ...taken.flatMap(({ lane, token }) => [lane, token])];
    return ((await runScript(this.#options.redis, renewScript, { keys: this.#own, args })) as unknown[]).map(Number);
  }

  get #leaseUs(): number {
    return this.#options.leaseMs * 1000;
  }
}
