/** A process of consolidation that is killed half way through a pass; the next one finishes the pass, and every weight is exact. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { edgeOf } from "../../../src/tiers/consolidation/edge.ts";
import { tierKeys } from "../../../src/tiers/keys.ts";
import { endCli, openShell } from "../../kit/cli.ts";
import type { DoomedTier } from "../../kit/killed-tier.ts";
import { startDoomed, startTier } from "../../kit/killed-tier.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";
import { eventually } from "../../kit/wait.ts";

let redis: TestRedis;
let doomed: DoomedTier | undefined;
const shell = openShell();
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  await endCli();
  await doomed?.stop();
});
afterAll(async () => {
  shell.remove();
  await redis.stop();
});

const edges = 3000;
/** each in two spellings, so that a pass merges them across its chunks */
const fill = async (knowledge: string): Promise<void> => {
  for (let at = 0; at < edges; at += 1)
    await redis.witness.zadd(knowledge, at + 1, edgeOf(`a${at}`, "knows", "b"), 7, edgeOf(` A${at} `, "Knows", "B"));
};
/** one pass in the life of the test */
const env = { SG_CONSOLIDATION_INTERVAL_MS: "86400000" };

it("a pass that is killed half way is finished by the next leader, and no weight decays twice", async () => {
  const { knowledge, knowledgeNext, jobDone } = tierKeys(redis.witness);
  await fill(knowledge);
  const isHalfWay = async () => ((await redis.witness.zcard(knowledgeNext)) >= 1500 ? "before" : "no") as "before" | "no";
  doomed = await startDoomed({ shell, redis, tier: "consolidation", env, isNow: isHalfWay });
  await doomed.killed;
  expect(doomed.child.signalCode).toBe("SIGKILL");
  const [left, moved] = [await redis.witness.zcard(knowledge), await redis.witness.zcard(knowledgeNext)];
  expect([left > 0, moved >= 1500, await redis.witness.exists(jobDone("consolidation"))]).toEqual([true, true, 0]);
  startTier(shell, redis, "consolidation", env);
  await eventually("the pass is done", () => redis.witness.exists(jobDone("consolidation")));
  expect([await redis.witness.zcard(knowledge), await redis.witness.exists(knowledgeNext)]).toEqual([edges, 0]);
  const flat = await redis.witness.zrange(knowledge, "0", "-1", "WITHSCORES");
  const seen = new Map(Array.from({ length: edges }, (_, at) => [flat[2 * at]!, Number(flat[2 * at + 1])]));
  for (let at = 0; at < edges; at += 1) expect(seen.get(edgeOf(`a${at}`, "knows", "b"))).toBeCloseTo((at + 8) * 0.95, 6);
});
