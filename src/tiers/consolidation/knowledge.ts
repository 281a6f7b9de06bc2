/**
 * A pass over the knowledge graph: merges duplicates, lets every weight decay, drops weak edges, keeps core facts. It works in chunks: each
 * edge is moved from the set to its successor, in the step that decays it, so what is left in the set is the position of the pass. A pass
 * that is killed is carried on by the next leader, and no weight decays twice.
 */
import type { RedisClient } from "../../redis/client.ts";
import type { Command, Writes } from "../../redis/commands.ts";
import type { TierKeys } from "../keys.ts";
import { tierKeys } from "../keys.ts";
import { logKeptMs } from "../messages/answer.ts";
import type { Job } from "../recurring.ts";
import { canonical, conversationOf } from "./edge.ts";

/** The factor of every weight in a pass, and the weight below which an edge is dropped. */
const decay = 0.95;
const weakest = 0.05;
/** a remainder up to this is rounding, not weight */
const nothing = 1e-9;
const chunk = 500;
/** edges of the graph: the strongest */
const maxEdges = 20_000;
/** core facts of one conversation: the strongest. They outlive their edges, for as long as the log of the conversation. */
const maxFacts = 20;

type Edge = readonly [edge: string, weight: number];

/** The weakest edges of the set that are left, at most a chunk of them. */
const readEdges = async ({ ask }: Job, key: string): Promise<Edge[]> => {
  const flat = await ask((redis) => redis.zrange(key, 0, String(chunk - 1), "WITHSCORES"));
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, Number(flat[2 * at + 1])]);
};

/** Takes away the weight that was read: what was added meanwhile stays, for a later chunk. A text that is no edge is removed. */
const moveOf = ({ knowledge, knowledgeNext }: TierKeys, [edge, weight]: Edge): Command[] => {
  const name = canonical(edge);
  if (name === undefined || !Number.isFinite(weight)) return [["ZREM", knowledge, edge]];
  return [
    ["ZINCRBY", knowledge, -weight, edge],
    ["ZINCRBY", knowledgeNext, weight * decay, name],
  ];
};

const factWrites = ({ facts }: TierKeys, edges: readonly Edge[]): Writes => {
  const found = edges.flatMap(([edge, weight]) => {
    const [name, place] = [canonical(edge), conversationOf(edge)];
    if (name === undefined || place === undefined || !(weight * decay >= weakest)) return [];
    return [{ key: facts(place.platform, place.channel), name, weight: weight * decay }];
  });
  const keys = [...new Set(found.map(({ key }) => key))];
  const bounds = keys.flatMap((key): Command[] => [
    ["ZREMRANGEBYRANK", key, 0, -maxFacts - 1],
    ["PEXPIRE", key, logKeptMs],
  ]);
  return { keys, commands: [...found.map(({ key, name, weight }): Command => ["ZADD", key, weight, name]), ...bounds] };
};

/** The successor takes the place of the set, with what was added to that meanwhile. */
const endOf = ({ knowledge, knowledgeNext }: TierKeys): Command[] => [
  ["ZUNIONSTORE", knowledge, 2, knowledge, knowledgeNext],
  ["DEL", knowledgeNext],
  ["ZREMRANGEBYSCORE", knowledge, "-inf", `(${weakest}`],
  ["ZREMRANGEBYRANK", knowledge, 0, -maxEdges - 1],
];

/** One pass, or the rest of one that was not finished. */
export const consolidate = async (job: Job, client: Pick<RedisClient, "isCluster">): Promise<void> => {
  const keys = tierKeys(client);
  const { knowledge, knowledgeNext } = keys;
  for (;;) {
    const edges = await readEdges(job, knowledge);
    const facts = factWrites(keys, edges);
    const moves = [...edges.flatMap((edge) => moveOf(keys, edge)), ["ZREMRANGEBYSCORE", knowledge, "-inf", nothing]];
    const isPart = edges.length === chunk;
    const commands = [...moves, ...facts.commands, ...(isPart ? [] : endOf(keys))];
    await job.commit([knowledge, knowledgeNext, ...facts.keys], commands, { isPart });
    if (!isPart) return;
  }
};
