/** The list of tiers, in the order of their boot. It is data: a new tier is one entry here and one class. */
import type { StargazerService } from "../service/service.ts";
import type { ServiceOptions } from "../service/types.ts";
import type { PortSetting } from "./settings.ts";
import {
  agentsIntervalMs,
  consolidationIntervalMs,
  gatewayPort,
  gatewaySettings,
  webPort,
  webSettings,
  xmppSettings,
} from "./settings.ts";

/** A tier's class: every option has a default. */
export type TierClass = new (options?: Partial<ServiceOptions>) => StargazerService;

/** One tier: its name, its settings and its class, each loaded on demand. */
export interface TierDefinition {
  /** its `serviceName`, and its name on the command line */
  readonly name: string;
  /** what it does, in a few words for help texts */
  readonly title: string;
  /** the port of a tier that serves HTTP of its own */
  readonly port?: PortSetting;
  /** variables with a secret of this tier: of a fleet's processes only its own have them */
  readonly secrets?: readonly string[];
  /**
   * Reads the tier's settings without loading its class; `token` is the one that its process is going to have. Opens nothing. Rejects
   * with `SG_ERR_CONFIG_INVALID`.
   */
  check(given: { readonly token: string }): Promise<unknown>;
  /** Imports the class and its dependencies. */
  load(): Promise<TierClass>;
}

/** Every tier, in the order of their boot. */
export const tiers: readonly TierDefinition[] = [
  {
    name: "gateway",
    title: "holds the platforms' connections",
    port: gatewayPort,
    secrets: ["XMPP_PASSWORD"],
    check: async (given) => [gatewaySettings(given), xmppSettings()],
    load: async () => (await import("./gateway/gateway.ts")).GatewayService,
  },
  {
    name: "inference",
    title: "answers messages",
    secrets: ["OPENAI_API_KEY"],
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
    port: webPort,
    check: async (given) => webSettings(given),
    load: async () => (await import("./web/web.ts")).WebService,
  },
];
