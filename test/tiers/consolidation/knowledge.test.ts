/** A pass over the knowledge graph: exact also where it is killed between two chunks, or edges come in meanwhile. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { canonical, edgeOf, factIn, factOf } from "../../../src/tiers/consolidation/edge.ts";
import { consolidate } from "../../../src/tiers/consolidation/knowledge.ts";
import { tierKeys } from "../../../src/tiers/keys.ts";
import { jobOn } from "../../kit/job.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const keys = () => tierKeys(redis.witness);
const add = (edges: readonly (readonly [string, number])[]) =>
  redis.witness.zadd(keys().knowledge, ...edges.flatMap(([edge, weight]) => [weight, edge]));
const weights = async (key = keys().knowledge): Promise<Map<string, number>> => {
  const flat = await redis.witness.zrange(key, "0", "-1", "WITHSCORES");
  return new Map(Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, Number(flat[2 * at + 1])]));
};
/** More than two chunks, each edge in two spellings. */
const many = Array.from({ length: 700 }, (_, at) => at).flatMap((at) => [
  [edgeOf(`ada ${at}`, "knows", "bob"), at + 1] as const,
  [edgeOf(` Ada ${at}`, "KNOWS", "Bob  "), 10] as const,
]);
const expectAllDecayedOnce = async (extra = 0) => {
  const seen = await weights();
  expect(seen.size).toBe(700);
  for (let at = 0; at < 700; at += 1)
    expect(seen.get(edgeOf(`ada ${at}`, "knows", "bob"))).toBeCloseTo((at + 11 + extra) * 0.95, 6);
  expect(await redis.witness.exists(keys().knowledgeNext)).toBe(0);
};

describe("a pass over the knowledge graph", () => {
  it("merges spellings, lets each weight decay once, and drops weak edges and what is no edge", async () => {
    await add([...many, [edgeOf("a", "b", "c"), 0.05], ["no edge", 9], ['["a","b"]', 9], ["[1,2,3]", 9]]);
    await redis.witness.zadd(keys().knowledge, "inf", edgeOf("x", "y", "z"));
    const job = jobOn(redis.witness);
    await consolidate(job, redis.witness);
    expect(job.commits()).toBe(3);
    await expectAllDecayedOnce();
  });

  it.each([1, 2, 3])("that ends before commit %d is carried on by the next one, and no weight decays twice", async (last) => {
    await add(many);
    const killed = jobOn(redis.witness, {
      beforeCommit: (commit) => {
        if (commit === last) throw new Error("killed");
      },
    });
    await expect(consolidate(killed, redis.witness)).rejects.toThrow("killed");
    expect((await redis.witness.zcard(keys().knowledgeNext)) > 0).toBe(last > 1);
    await consolidate(jobOn(redis.witness), redis.witness);
    await expectAllDecayedOnce();
  });

  it("loses nothing that is added between its read and its commit: that decays with a later chunk, or the next pass", async () => {
    await add(many);
    const adding = async () => {
      for (let at = 0; at < 700; at += 1) await redis.witness.zincrby(keys().knowledge, 20, edgeOf(`ada ${at}`, "knows", "bob"));
    };
    const job = jobOn(redis.witness, { beforeCommit: (commit) => (commit === 1 ? adding() : undefined) });
    await consolidate(job, redis.witness);
    await expectAllDecayedOnce(20);
  });

  it("keeps the strongest 20000 edges", async () => {
    const edges = Array.from({ length: 20_600 }, (_, at) => [edgeOf(`${at}`, "is", "x"), at + 1] as const);
    for (let at = 0; at < edges.length; at += 1000) await add(edges.slice(at, at + 1000));
    await consolidate(jobOn(redis.witness), redis.witness);
    expect(await redis.witness.zcard(keys().knowledge)).toBe(20_000);
    expect(await redis.witness.zscore(keys().knowledge, edgeOf("600", "is", "x"))).not.toBeNull();
    expect(await redis.witness.zscore(keys().knowledge, edgeOf("599", "is", "x"))).toBeNull();
  });
});

describe("core facts", () => {
  it("are kept for their conversation, the strongest twenty, and outlive their edges", async () => {
    const { facts } = keys();
    const fact = (at: number) => factOf("Ada", "likes", `thing ${at}`, "webchat/Room/1");
    await add(Array.from({ length: 25 }, (_, at) => [fact(at), at + 1]));
    await consolidate(jobOn(redis.witness), redis.witness);
    const kept = await redis.witness.zrange(facts("webchat", "Room/1"), "0", "-1");
    expect(kept.map((edge) => factIn(edge))).toEqual(Array.from({ length: 20 }, (_, at) => `ada likes thing ${at + 5}`));
    expect(await redis.witness.pttl(facts("webchat", "Room/1"))).not.toBe(-1);
    await redis.witness.del(keys().knowledge);
    await consolidate(jobOn(redis.witness), redis.witness);
    expect(await redis.witness.zcard(facts("webchat", "Room/1"))).toBe(20);
  });

  it("of a name that is no conversation are kept nowhere", async () => {
    await add([
      [factOf("a", "b", "c", "no conversation"), 1],
      [factOf("a", "b", "c", "Bad Platform/x"), 1],
    ]);
    await consolidate(jobOn(redis.witness), redis.witness);
    expect(await redis.witness.keys("sg:knowledge:facts:*")).toEqual([]);
  });
});

describe("an edge", () => {
  it.each([
    ['["a","b","c"]', '["a","b","c"]'],
    ['[" A\\n a ","B","C"]', '["a a","b","c"]'],
    ['["a","b","c","webchat/Room"]', '["a","b","c","webchat/Room"]'],
    ['["a","b"]', undefined],
    ['["a","b","c","d","e"]', undefined],
    ['["a","b",5]', undefined],
    ['{"a":1}', undefined],
    ["{", undefined],
    ["null", undefined],
  ])("%s is %s in its canonical spelling", (edge, name) => {
    expect(canonical(edge)).toBe(name);
  });
});
