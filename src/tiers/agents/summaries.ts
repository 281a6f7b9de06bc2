/** What is known of each conversation: how many messages it has, and when the last one came. */
import type { Command } from "../../leadership/commit.ts";
import type { TierKeys } from "../keys.ts";
import type { Inbound } from "../messages/envelope.ts";
import { parseInbound } from "../messages/envelope.ts";
import type { MessageKeys } from "../messages/keys.ts";
import type { Job } from "../recurring.ts";

/** The position of the summaries is a consumer group's, so that trimming keeps the entries that they have not read. */
const summariesGroup = "sg:agents";
const chunk = 500;
/** ms without a message after which a conversation is forgotten */
const keptMs = 7 * 86_400_000;

export interface SummaryParts {
  readonly keys: TierKeys & Pick<MessageKeys, "inbound">;
  readonly edgeOf: (subject: string, relation: string, object: string) => string;
}

/** Reads on from the position of the last pass. Counts and position are written in one step, so no message is counted twice. */
export const summarise = async ({ ask, now, commit }: Job, parts: SummaryParts): Promise<void> => {
  const { inbound, summaries } = parts.keys;
  let position = await positionOf(ask, inbound);
  for (;;) {
    const from = `(${position}`;
    const entries = await ask((redis) => redis.xrangeBuffer(inbound, from, "+", "COUNT", chunk));
    const messages = entries.map(([, fields]) => parseInbound(fields)).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
    position = entries.at(-1)?.[0].toString() ?? position;
    const { keys, commands } = commandsFor(messages, parts);
    await commit(
      [inbound, summaries, ...keys],
      [
        ["XGROUP", "SETID", inbound, summariesGroup, position],
        ["ZREMRANGEBYSCORE", summaries, "-inf", now - keptMs],
        ...commands,
      ],
    );
    if (entries.length < chunk) return;
  }
};

const positionOf = async (ask: Job["ask"], stream: string): Promise<string> => {
  try {
    await ask((redis) => redis.xgroup("CREATE", stream, summariesGroup, "0", "MKSTREAM"));
  } catch (error) {
    if (!String(error).includes("BUSYGROUP")) throw error;
  }
  const groups = (await ask((redis) => redis.xinfo("GROUPS", stream))) as unknown[][];
  const own = groups.find((group) => group[group.indexOf("name") + 1] === summariesGroup) ?? [];
  return String(own[own.indexOf("last-delivered-id") + 1]);
};

const commandsFor = (messages: readonly Inbound[], { keys, edgeOf }: SummaryParts): { keys: string[]; commands: Command[] } => {
  const commands = messages.flatMap(({ platform, channel, author, at }): Command[] => {
    const key = keys.summary(platform, channel);
    return [
      ["HINCRBY", key, "messages", 1],
      ["HSET", key, "lastAt", at],
      ["PEXPIRE", key, keptMs],
      ["ZADD", keys.summaries, "GT", at, `${platform}/${channel}`],
      ["ZINCRBY", keys.knowledge, 1, edgeOf(author, "speaks in", `${platform}/${channel}`)],
    ];
  });
  const touched = messages.map(({ platform, channel }) => keys.summary(platform, channel));
  return { keys: [keys.knowledge, ...new Set(touched)], commands };
};
