/** What the agents and the upkeep know of a conversation, in sentences for a model. */
import type { RedisClient } from "../../redis/client.ts";
import type { Waiting } from "../../until.ts";
import { until } from "../../until.ts";
import { factIn } from "../consolidation/edge.ts";
import { tierKeys } from "../keys.ts";
import type { Inbound } from "../messages/envelope.ts";
import { fitted } from "./fitted.ts";

type Place = Pick<Inbound, "platform" | "channel">;

const maxFacts = 20;
const maxTopics = 8;
const maxNotesBytes = 4096;

/** The core facts, the strongest first: "visitor lives in berlin". */
export const factsOf = async (redis: RedisClient, { platform, channel }: Place): Promise<string[]> => {
  const edges = await redis.zrange(tierKeys(redis).facts(platform, channel), 0, String(maxFacts - 1), "REV");
  return edges.flatMap((edge) => factIn(edge) ?? []);
};

const read = (redis: RedisClient, { platform, channel }: Place) => {
  const keys = tierKeys(redis);
  return Promise.all([
    redis.hmget(keys.summary(platform, channel), "messages", "firstAt"),
    redis.zrange(keys.topics(platform, channel), 0, String(maxTopics - 1), "REV"),
    factsOf(redis, { platform, channel }),
  ]);
};

const day = (at: string | null | undefined): string => new Date(Number(at)).toISOString().slice(0, 10);

/** Empty where nothing is known. Rejects with Redis' error, and with the signal's reason. */
export const notesOf = async (redis: RedisClient, place: Place, { signal }: Waiting): Promise<string> => {
  const [[messages, firstAt], topics, facts] = await until(read(redis, place), {
    signal,
    what: "the summary of the conversation",
  });
  const sentences = [
    ...(messages && Number(firstAt) > 0
      ? [`This conversation has had ${messages} messages of the user since ${day(firstAt)}.`]
      : []),
    ...(topics.length > 0 ? [`It has been about: ${topics.join(", ")}.`] : []),
    ...(facts.length > 0 ? [`Known facts: ${facts.join("; ")}.`] : []),
  ];
  return fitted(sentences.join(" "), maxNotesBytes);
};
