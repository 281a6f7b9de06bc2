/** The keys of recurring jobs and of what they keep. */
import { keysBehind } from "../redis/keys.ts";

export interface TierKeys {
  /** hash: what the agents know of one conversation */
  summary(platform: string, channel: string): string;
  /** sorted set: the conversations that have a summary, `platform/channel` by their last message, ms since the epoch */
  readonly summaries: string;
  /** sorted set: the edges of the knowledge graph by weight */
  readonly knowledge: string;
  /** string: when a recurring job was last done, ms since the epoch; gone when it is due again */
  jobDone(name: string): string;
}

export const tierKeys = keysBehind<TierKeys>((prefix) => ({
  summary: (platform, channel) => `${prefix}sg:agents:summary:${platform}:${channel}`,
  summaries: `${prefix}sg:agents:summaries`,
  knowledge: `${prefix}sg:knowledge:edges`,
  jobDone: (name) => `${prefix}sg:job:${name}:done`,
}));
