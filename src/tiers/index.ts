/** The list of tiers, in the order of their boot. It is data: another tier is one entry here and one class. */

import type { StargazerService } from "../service/service.ts";
import type { ServiceOptions } from "../service/types.ts";

/** A tier's class: every option has a default. */
export type TierClass = new (options?: Partial<ServiceOptions>) => StargazerService;

export interface TierDefinition {
  /** its `serviceName`, and its name on the command line */
  readonly name: string;
  /** what it does, for people */
  readonly title: string;
  /** Loads its class, and with it what it is made of. */
  load(): Promise<TierClass>;
}

export const tiers: readonly TierDefinition[] = [
  { name: "gateway", title: "holds the platforms' connections", load: async () => (await import("./gateway.ts")).GatewayService },
  { name: "inference", title: "answers messages", load: async () => (await import("./inference.ts")).InferenceService },
  {
    name: "agents",
    title: "recurring jobs, each on one instance",
    load: async () => (await import("./agents.ts")).AgentsService,
  },
  {
    name: "consolidation",
    title: "upkeep of the knowledge graph",
    load: async () => (await import("./consolidation.ts")).ConsolidationService,
  },
  { name: "web", title: "the page: the fleet live, and the chat", load: async () => (await import("./web.ts")).WebService },
];
