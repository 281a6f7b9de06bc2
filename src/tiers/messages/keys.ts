/** The keys of messages between people and the workers. */
import { keysBehind } from "../../redis/keys.ts";

export interface MessageKeys {
  /** stream: messages of people, on their way to the workers */
  readonly inbound: string;
  /** stream: answers, on their way to one platform */
  outbound(platform: string): string;
  /** string: a message that has its answer */
  answered(id: string): string;
  /** channel: answers for the one gateway that holds this conversation */
  delivery(platform: string, channel: string): string;
}

export const messageKeys = keysBehind<MessageKeys>((prefix) => ({
  inbound: `${prefix}sg:stream:inbound`,
  outbound: (platform) => `${prefix}sg:stream:outbound:${platform}`,
  answered: (id) => `${prefix}sg:answered:${id}`,
  delivery: (platform, channel) => `${prefix}sg:deliver:${platform}:${channel}`,
}));
