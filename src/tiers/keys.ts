/** The keys of recurring jobs and of what they keep. */
import { keysBehind } from "../redis/keys.ts";

export interface TierKeys {
  /** hash: what the agents know of one conversation, and how far they have read its log */
  summary(platform: string, channel: string): string;
  /** sorted set: the conversations that have a summary, `platform/channel` by their last message, ms since the epoch */
  readonly summaries: string;
  /** string: how far the agents have read the messages to see which conversations have new lines */
  readonly summariesCursor: string;
  /** sorted set: the words that one conversation is often about, by their number */
  topics(platform: string, channel: string): string;
  /** sorted set: the reminders of all conversations by the time at which they are due, ms since the epoch */
  readonly reminders: string;
  /** hash: the reminders of one conversation, by their id */
  remindersOf(platform: string, channel: string): string;
  /** sorted set: the edges of the knowledge graph by weight */
  readonly knowledge: string;
  /** sorted set: the edges that the pass under way has been over; it becomes `knowledge` at the end of the pass */
  readonly knowledgeNext: string;
  /** sorted set: the core facts of one conversation, by weight */
  facts(platform: string, channel: string): string;
  /** string: when a recurring job was last done, ms since the epoch; gone when it is due again */
  jobDone(name: string): string;
  /** string: how often a recurring job has committed */
  jobRevision(name: string): string;
}

export const tierKeys = keysBehind<TierKeys>((prefix) => ({
  summary: (platform, channel) => `${prefix}sg:agents:summary:${platform}:${channel}`,
  summaries: `${prefix}sg:agents:summaries`,
  summariesCursor: `${prefix}sg:agents:summaries:cursor`,
  topics: (platform, channel) => `${prefix}sg:agents:topics:${platform}:${channel}`,
  reminders: `${prefix}sg:agents:reminders`,
  remindersOf: (platform, channel) => `${prefix}sg:agents:reminders:${platform}:${channel}`,
  knowledge: `${prefix}sg:knowledge:edges`,
  knowledgeNext: `${prefix}sg:knowledge:edges:next`,
  facts: (platform, channel) => `${prefix}sg:knowledge:facts:${platform}:${channel}`,
  jobDone: (name) => `${prefix}sg:job:${name}:done`,
  jobRevision: (name) => `${prefix}sg:job:${name}:revision`,
}));
