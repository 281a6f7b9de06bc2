/** The list of tiers, in the order of their boot. It is data: another tier is one entry here and one class. */

import type { StargazerService } from "../service/service.ts";
import type { ServiceOptions } from "../service/types.ts";
import { agentsIntervalMs, consolidationIntervalMs, gatewaySettings, webSettings } from "./settings.ts";

/** A tier's class: every option has a default. */
export type TierClass = new (options?: Partial<ServiceOptions>) => StargazerService;

export interface TierDefinition {
  /** its `serviceName`, and its name on the command line */
  readonly name: string;
  /** what it does, for people */
  readonly title: string;
  /** Reads its own settings, without its class. Rejects with `SG_ERR_CONFIG_INVALID`; touches nothing. */
  check(): Promise<unknown>;
  /** Loads its class, and with it what it is made of. */
  load(): Promise<TierClass>;
}

export const tiers: readonly TierDefinition[] = [
  {
    name: "gateway",
    title: "holds the platforms' connections",
    check: async () => gatewaySettings(),
    load: async () => (await import("./gateway/gateway.ts")).GatewayService,
  },
  {
    name: "inference",
    title: "answers messages",
    check: async () => (await import("./inference/responders.ts")).chooseResponder(),
    load: async () => (await import("./inference/inference.ts")).InferenceService,
  },
  {
    name: "agents",
    title: "recurring jobs, each on one instance",
    check: async () => agentsIntervalMs(),
    load: async () => (await import("./agents/agents.ts")).AgentsService,
  },
  {
    name: "consolidation",
    title: "upkeep of the knowledge graph",
    check: async () => consolidationIntervalMs(),
    load: async () => (await import("./consolidation/consolidation.ts")).ConsolidationService,
  },
  {
    name: "web",
    title: "the page: the fleet live, and the chat",
    check: async () => webSettings(),
    load: async () => (await import("./web/web.ts")).WebService,
  },
];
