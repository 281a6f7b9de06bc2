/** F18, F19: Redis in trouble at boot and at shutdown. */
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { fault, told } from "../kit/fault.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  await endPrograms();
  redis.thaw();
  proxy.mode = "pass";
  await proxy.accept();
  await redis.witness.flushall();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

const service = (test: object = {}, url = redis.url) =>
  new Program("service.mjs", { env: { SG_TEST: JSON.stringify(test), REDIS_URL: url } });

fault("F18", "refused", async (happened) => {
  await proxy.refuse();
  const program = service({}, proxy.through(redis.url));
  const { code, ms } = await program.ended;
  expect(code, program.errors).toBe(1);
  expect(program.report).toMatchObject({ error: { code: "SG_ERR_REDIS_UNREACHABLE", phase: "pinging" } });
  happened(`exit 1 after ${told(ms)}`);
});
