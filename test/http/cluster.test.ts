/** Ports in workers of node:cluster, where Node shares a listening socket among the workers unless it is exclusive. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Registry } from "../../src/registry/registry.ts";
import { endPrograms, Program } from "../kit/program.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(endPrograms);
afterAll(() => redis.stop());

describe("F42: two workers of node:cluster that ask for any free port", () => {
  it.each(["0", "1"])("get ports of their own, with SG_PROBE_THREAD=%s", async (thread) => {
    await redis.witness.flushall();
    const primary = new Program("cluster-ports.mjs", { env: { REDIS_URL: redis.url, SG_PROBE_THREAD: thread } });
    const both = await eventually(`the entries of both (${primary.errors})`, async () => {
      const entries = await new Registry(redis.witness).list("worker");
      return entries.length === 2 && entries.every(({ health, metadata }) => health && metadata.httpPort) && entries;
    });
    const ports = both.flatMap(({ health, metadata }) => [health!.port, metadata.httpPort]);
    expect(new Set(ports).size).toBe(4);
    primary.signal("SIGTERM");
    expect(await primary.ended).toMatchObject({ code: 0 });
  });
});
