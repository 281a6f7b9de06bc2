/** Consolidation: slow upkeep of the knowledge graph, on one instance. */
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { runRecurring } from "../recurring.ts";
import { consolidationIntervalMs } from "../settings.ts";
import { consolidate } from "./knowledge.ts";

export interface ConsolidationOptions extends Partial<ServiceOptions> {
  /** ms between two passes. Default `SG_CONSOLIDATION_INTERVAL_MS`, else 60000. */
  readonly intervalMs?: number;
}

export class ConsolidationService extends StargazerService {
  readonly #everyMs: number;

  constructor({ intervalMs, ...options }: ConsolidationOptions = {}) {
    super({ serviceName: "consolidation", ...options });
    this.#everyMs = consolidationIntervalMs(intervalMs);
  }

  protected onStart(): void {}

  protected async run({ redis, signal, log }: HookContext): Promise<void> {
    const job = { redis, log, name: "consolidation", holder: this.instanceId, everyMs: this.#everyMs };
    await runRecurring({ ...job, work: consolidate }, signal);
  }

  protected onStop(): void {}
}
