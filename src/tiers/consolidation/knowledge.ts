/** The knowledge graph: edges `[subject, relation, object]` by weight, in one sorted set. */
import type { Command } from "../../leadership/commit.ts";
import type { Job } from "../recurring.ts";

/** The factor of every weight in a pass, and the weight below which an edge is dropped. */
const decay = 0.95;
const weakest = 0.05;
const chunk = 500;

/** An edge as a member of the sorted set. */
export const edgeOf = (subject: string, relation: string, object: string): string => JSON.stringify([subject, relation, object]);

const normal = (part: string): string => part.normalize("NFKC").trim().replace(/\s+/g, " ").toLowerCase();

/** The canonical spelling of an edge; undefined for a text that is no edge. Total. */
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

/** Merges duplicates: another spelling adds its weight to the canonical one and is removed, as is a text that is no edge. */
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

const readEdges = async ({ ask }: Job, key: string, from: number): Promise<[string, number][]> => {
  const flat = await ask((redis) => redis.zrange(key, from, String(from + chunk - 1), "WITHSCORES"));
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, Number(flat[2 * at + 1])]);
};

/** One pass over the sorted set at `key`: merges duplicates, lets every weight decay, drops weak edges. Written in one step. */
export const consolidate = async (job: Job, key: string): Promise<void> => {
  // by name: an edge whose rank changes between two reads may be read twice
  const seen = new Map<string, number>();
  for (let from = 0; ; from += chunk) {
    const edges = await readEdges(job, key, from);
    for (const [edge, weight] of edges) seen.set(edge, weight);
    if (edges.length < chunk) break;
  }
  await job.commit(
    [key],
    [
      ...mergeCommands(key, [...seen]),
      ["ZUNIONSTORE", key, 1, key, "WEIGHTS", decay],
      ["ZREMRANGEBYSCORE", key, "-inf", `(${weakest}`],
    ],
  );
};
