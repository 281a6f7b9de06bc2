/** The fleet's model, fed by the registry alone. */
import { every, systemClock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import { FleetModel } from "../../instances/model.ts";
import type { WordedLogger } from "../../logger.ts";
import { pause } from "../../pause.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { RegistryEvent } from "../../registry/registry.ts";
import { Registry } from "../../registry/registry.ts";

const retryMs = 1000;
const tickMs = 1000;

export class RegistryMemory {
  readonly model = new FleetModel();
  readonly #listeners = new Set<(event?: RegistryEvent) => void>();
  isCurrent = false;

  now(): number {
    return systemClock.epochNow();
  }

  onChange(listener: (event?: RegistryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Watches the registry until `signal` aborts; begins anew 1 s after an error. */
  async run(redis: RedisClient, { signal, log }: { readonly signal: AbortSignal; readonly log: WordedLogger }): Promise<void> {
    const registry = new Registry(redis, {
      onSkipped: (key) => log.warn({ type: "registry.skipped", key }, `an entry cannot be read and is left out: ${key}`),
    });
    const endTicks = every(tickMs, () => {
      this.model.tick(this.now());
      this.#notify();
    });
    while (!signal.aborted) {
      try {
        for await (const event of registry.watch(undefined, { signal })) this.#take(event);
      } catch (error) {
        if (signal.aborted) break;
        log.warn({ type: "feed.failed", reason: messageOf(error) }, `the registry cannot be read: ${messageOf(error)}`);
        this.#take({ type: "stale", reason: "unreachable", message: messageOf(error) });
        await pause(retryMs, { signal });
      }
    }
    endTicks();
  }

  #take(event: RegistryEvent): void {
    if (event.type === "stale" || event.type === "synced") this.isCurrent = event.type === "synced";
    this.model.tick(this.now());
    this.model.apply(event);
    this.#notify(event);
  }

  #notify(event?: RegistryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
