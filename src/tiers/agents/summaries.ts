/** The job that summarises each conversation: the number of messages and the first one's time, topics, and facts about the author. */
import type { RedisClient } from "../../redis/client.ts";
import type { Command, Writes } from "../../redis/commands.ts";
import { edgeOf } from "../consolidation/edge.ts";
import { tierKeys } from "../keys.ts";
import { logKeptMs } from "../messages/answer.ts";
import type { Inbound } from "../messages/envelope.ts";
import { parseInbound } from "../messages/envelope.ts";
import { messageKeys } from "../messages/keys.ts";
import type { LogLine, Page } from "../messages/lines.ts";
import { linesAfter } from "../messages/lines.ts";
import type { Job } from "../recurring.ts";
import { factsIn } from "./facts.ts";
import { topicsIn } from "./topics.ts";

type Place = Pick<Inbound, "platform" | "channel">;

/** messages of one read, and lines of one read of a log */
const chunk = 500;
const pageLines = 100;
/** topics of one conversation: the most frequent */
const maxTopics = 50;

/**
 * Reads the logs of the conversations that have new messages, each on from its own position. Position and counts are written in one step,
 * so no line is counted twice, and a pass that is killed goes on where it was. No consumer group is used: an instance that is gone
 * holds back no trimming, and a message that was trimmed unread is found in its log with the next one of its conversation.
 */
export const summarise = async (job: Job, client: Pick<RedisClient, "isCluster">): Promise<void> => {
  const { summaries, summariesCursor } = tierKeys(client);
  const { inbound } = messageKeys(client);
  let cursor = (await job.ask((redis) => redis.get(summariesCursor))) ?? "0";
  for (;;) {
    const entries = await job.ask((redis) => redis.xrangeBuffer(inbound, `(${cursor}`, "+", "COUNT", chunk));
    const messages = entries.map(([, fields]) => parseInbound(fields)).flatMap((parsed) => (parsed.ok ? [parsed.value] : []));
    for (const place of distinct(messages)) await readOn(job, client, place);
    cursor = entries.at(-1)?.[0].toString() ?? cursor;
    const isPart = entries.length === chunk;
    const commands = [
      ["ZREMRANGEBYSCORE", summaries, "-inf", job.now - logKeptMs],
      ["SET", summariesCursor, cursor],
    ];
    await job.commit([summaries, summariesCursor], commands, { isPart });
    if (!isPart) return;
  }
};

const distinct = (messages: readonly Place[]): Place[] => [
  ...new Map(messages.map(({ platform, channel }) => [`${platform}/${channel}`, { platform, channel }])).values(),
];

const isOfAuthor = ({ role }: LogLine): boolean => role === "user";

/** Reads one log on from its position to its end. */
const readOn = async ({ ask, commit }: Job, client: Pick<RedisClient, "isCluster">, place: Place): Promise<void> => {
  const summary = tierKeys(client).summary(place.platform, place.channel);
  const log = messageKeys(client).log(place.platform, place.channel);
  let [cursor, firstAt] = await ask((redis) => redis.hmget(summary, "cursor", "firstAt"));
  for (;;) {
    const from = cursor ?? "0";
    const page = await ask((redis) => linesAfter(redis, log, from, pageLines));
    if (page.cursor === undefined) return;
    firstAt ??= String(page.lines.find(isOfAuthor)?.at ?? "") || null;
    const { keys, commands } = writesFor(client, place, page, firstAt);
    await commit(keys, commands, { isPart: true });
    cursor = page.cursor;
    if (!page.isFull) return;
  }
};

const writesFor = (
  client: Pick<RedisClient, "isCluster">,
  place: Place,
  page: Page,
  firstAt: string | null | undefined,
): Writes => {
  const { platform, channel } = place;
  const keys = tierKeys(client);
  const [summary, topics] = [keys.summary(platform, channel), keys.topics(platform, channel)];
  const said = page.lines.filter(isOfAuthor);
  const seen: Command[] = [
    ["HSET", summary, "cursor", page.cursor!, ...(firstAt ? ["firstAt", firstAt] : [])],
    ["PEXPIRE", summary, logKeptMs],
  ];
  const of = said.flatMap((line) => lineCommands(keys, place, line));
  const bounds: Command[] = [
    ["ZREMRANGEBYRANK", topics, 0, -maxTopics - 1],
    ["PEXPIRE", topics, logKeptMs],
  ];
  return { keys: [summary, topics, keys.summaries, keys.knowledge], commands: [...seen, ...of, ...bounds] };
};

/** The commands for one line of an author. */
const lineCommands = (keys: ReturnType<typeof tierKeys>, { platform, channel }: Place, line: LogLine): Command[] => {
  const [summary, conversation] = [keys.summary(platform, channel), `${platform}/${channel}`];
  const topics = topicsIn(line.text).map((topic): Command => ["ZINCRBY", keys.topics(platform, channel), 1, topic]);
  const edges = [edgeOf(line.author, "speaks in", conversation), ...factsIn(line.text, line.author, conversation)];
  return [
    ["HINCRBY", summary, "messages", 1],
    ["HSET", summary, "lastAt", line.at],
    ["ZADD", keys.summaries, "GT", line.at, conversation],
    ...edges.map((edge): Command => ["ZINCRBY", keys.knowledge, 1, edge]),
    ...topics,
  ];
};
