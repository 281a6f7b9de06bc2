/** The keys of messages between platforms and workers. */
import { keysBehind } from "../../redis/keys.ts";

export interface MessageKeys {
  /** stream: messages from the platforms to the workers */
  readonly inbound: string;
  /** stream: answers to one platform */
  outbound(platform: string): string;
  /** stream: the last lines of one conversation, of its author and of its answers */
  log(platform: string, channel: string): string;
  /** hash: the number of the last accepted message of each session of one conversation */
  sent(platform: string, channel: string): string;
  /** channel: drafts of answers, for the gateways that show them */
  live(platform: string): string;
  /** channel: answers for the gateway that has this conversation's connection */
  delivery(platform: string, channel: string): string;
}

export const messageKeys = keysBehind<MessageKeys>((prefix) => ({
  inbound: `${prefix}sg:stream:inbound`,
  outbound: (platform) => `${prefix}sg:stream:outbound:${platform}`,
  log: (platform, channel) => `${prefix}sg:chat:log:${platform}:${channel}`,
  sent: (platform, channel) => `${prefix}sg:chat:sent:${platform}:${channel}`,
  live: (platform) => `${prefix}sg:live:${platform}`,
  delivery: (platform, channel) => `${prefix}sg:deliver:${platform}:${channel}`,
}));
