/** Agents: recurring jobs, each led by one instance: a summary of each conversation, and the reminders. */
import { StargazerService } from "../../service/service.ts";
import type { HookContext, ServiceOptions } from "../../service/types.ts";
import { runRecurring } from "../recurring.ts";
import { agentsIntervalMs } from "../settings.ts";
import { keepReminders } from "./reminders.ts";
import { summarise } from "./summaries.ts";

/** ms between two looks at what is due: a reminder is at most this late */
const remindersEveryMs = 500;

/** The options of a service, and the pace of the summaries. */
export interface AgentsOptions extends Partial<ServiceOptions> {
  /** ms between two passes. Default `SG_AGENTS_INTERVAL_MS`, else 10000. */
  readonly intervalMs?: number;
}

/** The tier `agents`. Any number of instances may run; one of them does each job. */
export class AgentsService extends StargazerService {
  readonly #everyMs: number;

  constructor({ intervalMs, ...options }: AgentsOptions = {}) {
    super({ serviceName: "agents", ...options });
    this.#everyMs = agentsIntervalMs(intervalMs);
  }

  protected onStart(): void {}

  protected async run(context: HookContext): Promise<void> {
    const { redis } = context;
    const holder = this.instanceId;
    await Promise.all([
      runRecurring(context, { name: "summaries", holder, everyMs: this.#everyMs, work: (job) => summarise(job, redis) }),
      runRecurring(context, { name: "reminders", holder, everyMs: remindersEveryMs, work: (job) => keepReminders(job, redis) }),
    ]);
  }

  protected onStop(): void {}
}
