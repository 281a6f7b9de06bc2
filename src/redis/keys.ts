/** Every key of Stargazer. Nothing else in the code spells one. */
import type { RedisClient } from "./client.ts";

/** The keys as this client has to say them. */
export interface Keys {
  /** string: the entry of one instance, JSON, expires with its lease */
  service(service: string, instance: string): string;
  /** string: the newest incarnation that said goodbye; refuses its late writes */
  released(service: string, instance: string): string;
  /** sorted set: the instances of one service by the end of their lease, ms since the epoch */
  index(service: string): string;
  /** set: the services that have an index */
  readonly services: string;
  /** stream: what happened in the registry */
  readonly events: string;
  /** stream: messages of people, on their way to the workers */
  readonly inbound: string;
  /** stream: answers, on their way to one platform */
  outbound(platform: string): string;
  /** stream: messages that failed too often */
  readonly deadLetters: string;
  /** string: a message that has its answer */
  answered(id: string): string;
  /** channel: answers for the one gateway that holds this conversation */
  delivery(platform: string, channel: string): string;
  /** hash: what the agents know of one conversation */
  summary(platform: string, channel: string): string;
  /** sorted set: the conversations that have a summary, `platform/channel` by their last message, ms since the epoch */
  readonly summaries: string;
  /** sorted set: the edges of the knowledge graph by weight */
  readonly knowledge: string;
  /** string: when a recurring job was last done, ms since the epoch */
  jobDone(name: string): string;
  /** string: who leads */
  leader(name: string): string;
  /** counter: the fencing tokens of a leadership */
  leaderFence(name: string): string;
  /** channel: what operators ask of the fleet */
  readonly controlOps: string;
}

/** On a Cluster all keys carry one hash tag, because each script touches several of them. */
export const clusterTag = "{sg}:";

const keysUnder = (prefix: string): Keys => ({
  service: (service, instance) => `${prefix}sg:registry:service:${service}:${instance}`,
  released: (service, instance) => `${prefix}sg:registry:released:${service}:${instance}`,
  index: (service) => `${prefix}sg:registry:idx:${service}`,
  services: `${prefix}sg:registry:services`,
  events: `${prefix}sg:registry:events`,
  inbound: `${prefix}sg:stream:inbound`,
  outbound: (platform) => `${prefix}sg:stream:outbound:${platform}`,
  deadLetters: `${prefix}sg:stream:dlq`,
  answered: (id) => `${prefix}sg:answered:${id}`,
  delivery: (platform, channel) => `${prefix}sg:deliver:${platform}:${channel}`,
  summary: (platform, channel) => `${prefix}sg:agents:summary:${platform}:${channel}`,
  summaries: `${prefix}sg:agents:summaries`,
  knowledge: `${prefix}sg:knowledge:edges`,
  jobDone: (name) => `${prefix}sg:job:${name}:done`,
  leader: (name) => `${prefix}sg:leader:${name}`,
  leaderFence: (name) => `${prefix}sg:leader:fence:${name}`,
  controlOps: `${prefix}sg:control:ops`,
});

const plain = keysUnder("");
const tagged = keysUnder(clusterTag);

export const keysFor = (client: Pick<RedisClient, "isCluster">): Keys => (client.isCluster ? tagged : plain);
