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
  /** set: the ids of the messages of one conversation that have no answer yet */
  open(platform: string, channel: string): string;
  /** sorted set: the ids of all messages that have no answer yet, by when they were accepted, ms since the epoch */
  readonly allOpen: string;
  /** string: the secret that sessions are signed with; deleting it ends every session */
  readonly sessionSecret: string;
  /** channel: drafts of answers, for the gateways that show them */
  live(platform: string): string;
}

export const messageKeys = keysBehind<MessageKeys>((prefix) => ({
  inbound: `${prefix}sg:stream:inbound`,
  outbound: (platform) => `${prefix}sg:stream:outbound:${platform}`,
  log: (platform, channel) => `${prefix}sg:chat:log:${platform}:${channel}`,
  sent: (platform, channel) => `${prefix}sg:chat:sent:${platform}:${channel}`,
  open: (platform, channel) => `${prefix}sg:chat:open:${platform}:${channel}`,
  allOpen: `${prefix}sg:chat:open`,
  sessionSecret: `${prefix}sg:chat:secret`,
  live: (platform) => `${prefix}sg:live:${platform}`,
}));

/** The consumer group of all workers on the inbound stream. */
export const workersGroup = "sg:workers";
