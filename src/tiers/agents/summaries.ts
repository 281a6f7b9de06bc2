/** What is known of each conversation: how many messages, and when the last one came. */
import type { TierKeys } from "../keys.ts";
import type { Inbound } from "../messages/envelope.ts";
import { parseInbound } from "../messages/envelope.ts";
import type { MessageKeys } from "../messages/keys.ts";
import type { Job } from "../recurring.ts";

/** How far the summaries have read is a group's position, so that what they have not read is not trimmed. */
const summariesGroup = "sg:agents";
const chunk = 500;
/** a conversation that nobody has spoken in for so long is forgotten */
const keptMs = 7 * 86_400_000;

export interface SummaryParts {
  readonly keys: TierKeys & Pick<MessageKeys, "inbound">;
  readonly edgeOf: (subject: string, relation: string, object: string) => string;
}

type Command = readonly (string | number)[];

/** Reads on from where the last pass ended. The counts and the position are written in one step, so nothing is counted twice. */
export const summarise = async ({ redis, signal, now, commit }: Job, parts: SummaryParts): Promise<void> => {
  const { inbound, summaries } = parts.keys;
  let position = await positionOf(redis, inbound);
  for (;;) {
    signal.throwIfAborted();
    const entries = await redis.xrangeBuffer(inbound, `(${position}`, "+", "COUNT", chunk);
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

const positionOf = async (redis: Job["redis"], stream: string): Promise<string> => {
  try {
    await redis.xgroup("CREATE", stream, summariesGroup, "0", "MKSTREAM");
  } catch (error) {
    if (!String(error).includes("BUSYGROUP")) throw error;
  }
  const groups = (await redis.xinfo("GROUPS", stream)) as unknown[][];
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
