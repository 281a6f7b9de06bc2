/** The knowledge graph: edges `[subject, relation, object]` by weight. Small on purpose: one sorted set. */
import type { RedisClient } from "../../redis/client.ts";
import { tierKeys } from "../keys.ts";
import type { Job } from "../recurring.ts";

/** What a weight becomes in a pass, and the weight under which an edge is dropped. */
const decay = 0.95;
const weakest = 0.05;
const chunk = 500;

/** How an edge is written. */
export const edgeOf = (subject: string, relation: string, object: string): string => JSON.stringify([subject, relation, object]);

const normal = (part: string): string => part.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase();

/** The one spelling of an edge; undefined for what is no edge. Total. */
const canonical = (edge: string): string | undefined => {
  try {
    const parts: unknown = JSON.parse(edge);
    if (!Array.isArray(parts) || parts.length !== 3 || !parts.every((part) => typeof part === "string")) return undefined;
    const [subject, relation, object] = parts.map(normal) as [string, string, string];
    return edgeOf(subject, relation, object);
  } catch {
    return undefined;
  }
};

type Command = readonly (string | number)[];

/** What merges duplicates: other spellings of an edge give it their weight, what is no edge goes. */
const mergeCommands = (key: string, edges: readonly (readonly [edge: string, weight: number])[]): Command[] =>
  edges.flatMap(([edge, weight]): Command[] => {
    const name = canonical(edge);
    if (name === edge) return [];
    return name === undefined
      ? [["ZREM", key, edge]]
      : [
          ["ZINCRBY", key, weight, name],
          ["ZREM", key, edge],
        ];
  });

const readEdges = async (redis: RedisClient, key: string, from: number): Promise<[string, number][]> => {
  const flat = await redis.zrange(key, from, String(from + chunk - 1), "WITHSCORES");
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, Number(flat[2 * at + 1])]);
};

/** One pass: merges duplicates, lets every weight decay, drops weak edges. All of it in one step. */
export const consolidate = async ({ redis, signal, commit }: Job): Promise<void> => {
  const { knowledge: key } = tierKeys(redis);
  // by name: an edge that changes its rank while we read may be met twice
  const seen = new Map<string, number>();
  for (let from = 0; ; from += chunk) {
    signal.throwIfAborted();
    const edges = await readEdges(redis, key, from);
    for (const [edge, weight] of edges) seen.set(edge, weight);
    if (edges.length < chunk) break;
  }
  await commit(
    [key],
    [
      ...mergeCommands(key, [...seen]),
      ["ZUNIONSTORE", key, 1, key, "WEIGHTS", decay],
      ["ZREMRANGEBYSCORE", key, "-inf", `(${weakest}`],
    ],
  );
};
