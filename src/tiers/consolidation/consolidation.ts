/** Consolidation: slow upkeep of the knowledge graph, led by one instance. */
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { runRecurring } from "../recurring.ts";
import { consolidationIntervalMs } from "../settings.ts";
import { consolidate } from "./knowledge.ts";

/** The options of a service, and the pace of the upkeep. */
export interface ConsolidationOptions extends Partial<ServiceOptions> {
  /** ms between two passes. Default `SG_CONSOLIDATION_INTERVAL_MS`, else 60000. */
  readonly intervalMs?: number;
}

/** The tier `consolidation`. Any number of instances may run; one of them does the upkeep. */
export class ConsolidationService extends StargazerService {
  readonly #everyMs: number;

  constructor({ intervalMs, ...options }: ConsolidationOptions = {}) {
    super({ serviceName: "consolidation", ...options });
    this.#everyMs = consolidationIntervalMs(intervalMs);
  }

  protected onStart(): void {}

  protected async run(context: HookContext): Promise<void> {
    await runRecurring(context, {
      name: "consolidation",
      holder: this.instanceId,
      everyMs: this.#everyMs,
      work: (job) => consolidate(job, context.redis),
    });
  }

  protected onStop(): void {}
}
