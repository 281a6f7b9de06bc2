/** Agents: recurring jobs, each led by one instance. The one job: a summary of each conversation, and who speaks where. */
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { edgeOf } from "../consolidation/knowledge.ts";
import { tierKeys } from "../keys.ts";
import { messageKeys } from "../messages/keys.ts";
import { runRecurring } from "../recurring.ts";
import { agentsIntervalMs } from "../settings.ts";
import { summarise } from "./summaries.ts";

/** The options of a service, and the pace of the jobs. */
export interface AgentsOptions extends Partial<ServiceOptions> {
  /** ms between two passes. Default `SG_AGENTS_INTERVAL_MS`, else 10000. */
  readonly intervalMs?: number;
}

/** The tier `agents`. Any number of instances may run; one of them does the job. */
export class AgentsService extends StargazerService {
  readonly #everyMs: number;

  constructor({ intervalMs, ...options }: AgentsOptions = {}) {
    super({ serviceName: "agents", ...options });
    this.#everyMs = agentsIntervalMs(intervalMs);
  }

  protected onStart(): void {}

  protected async run(context: HookContext): Promise<void> {
    const { redis } = context;
    const parts = { keys: { ...tierKeys(redis), inbound: messageKeys(redis).inbound }, edgeOf };
    await runRecurring(context, {
      name: "summaries",
      holder: this.instanceId,
      everyMs: this.#everyMs,
      work: (job) => summarise(job, parts),
    });
  }

  protected onStop(): void {}
}
