/** What the user may not do is named by the gate and by every write, and an optional Redis passes the gate before it is written to. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { withRedis } from "../../src/fleet/connect.ts";
import { openRedis } from "../../src/redis/connection.ts";
import { Registry } from "../../src/registry/registry.ts";
import { LifecycleProbe } from "../../src/testing/index.ts";
import { deadlines } from "../kit/deadlines.ts";
import { hourMs } from "../kit/hours.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

let users = 0;
/** A user of its own, and what changes its rules, for its open connections too. */
const userWith = async (...rules: string[]) => {
  users += 1;
  const name = `user-${users}`;
  const set = (...more: string[]) => redis.witness.acl("SETUSER", name, ...more);
  await set("on", ">pw", "~*", "&*", "+@all", ...rules);
  const url = new URL(redis.url);
  [url.username, url.password] = [name, "pw"];
  return { url: url.href, set };
};
const within = { timeoutMs: deadlines.fact };
const times = { heartbeatMs: 100, leaseTtlMs: hourMs, useHealthServer: false };

it("F43: an optional Redis whose user may not delete is asked by the gate until it may: then the service is registered", async () => {
  const user = await userWith("-del");
  const tier = new TestTier({ redis: user.url, redisRequired: false, pingAttempts: 1, serviceName: "optional", ...times });
  const probe = new LifecycleProbe(tier);
  const ended = tier.runToCompletion();
  const { reason } = await probe.fact("degraded", within);
  expect(reason).toContain("its user may not run DEL. Grant it to the user: ACL SETUSER <user> +del");
  expect(await probe.fact("lease.lost", within)).toMatchObject({ reason: expect.stringContaining("its user may not run DEL") });
  await probe.state("running", within);
  expect(tier.status()).toMatchObject({ degraded: true, condition: reason, lease: { trouble: expect.stringContaining("DEL") } });
  expect(await redis.witness.keys("sg:registry:service:optional:*")).toEqual([]);
  await user.set("+del");
  await probe.fact("degraded.cleared", within);
  expect(probe.history.filter(({ fact }) => fact.type === "lease.held")).toEqual([]);
  await probe.fact("lease.regained", within);
  expect(tier.status()).toMatchObject({ degraded: false, condition: "" });
  await tier.shutdown();
  expect(await ended).toMatchObject({ outcome: "shutdown" });
  expect(await redis.witness.keys("sg:registry:service:optional:*")).toEqual([]);
});

it.each([
  [["-zadd"], "its user may not run ZADD"],
  [["-evalsha"], "its user may not run EVALSHA"],
  [["resetkeys", "~sg:registry:service:*", "~sg:registry:released:*"], "its user may not use the key sg:registry:idx:denied"],
])("F45: a lease whose user was set to %j says what the user lacks: %s", async (rules, reason) => {
  const user = await userWith();
  const tier = new TestTier({ redis: user.url, serviceName: "denied", ...times });
  const probe = new LifecycleProbe(tier);
  const ended = tier.runToCompletion();
  await probe.fact("lease.held", within);
  await probe.state("running", within);
  await user.set(...rules);
  expect(await probe.fact("lease.suspect", within)).toMatchObject({ reason: expect.stringContaining(reason) });
  await user.set("~*", "+@all");
  await tier.shutdown();
  expect(await ended).toMatchObject({ outcome: "shutdown" });
});

it.each(["time", "smembers", "zrange", "getrange"])("F45: a reader whose user may not run %s says so", async (command) => {
  const tier = new TestTier({ redis: redis.url, serviceName: "listed", ...times });
  const ended = tier.runToCompletion();
  await tier.waitFor("running");
  const { url } = await userWith(`-${command}`);
  const client = openRedis(url);
  try {
    await client.connect();
    const listed = new Registry(client).list();
    await expect(listed).rejects.toThrow(`The registry cannot be read: its user may not run ${command.toUpperCase()}.`);
  } finally {
    client.disconnect();
    await tier.shutdown();
    await ended;
  }
});

it("F45: what a command line may not run is named with the server's place, and is no error of its own", async () => {
  const { url } = await userWith("-xrevrange");
  const place = { url, from: "--redis" as const, label: "redis://here" };
  await expect(withRedis(place, (client) => client.xrevrange("sg:fleet:journal", "+", "-"))).rejects.toMatchObject({
    code: "SG_ERR_REDIS_UNREACHABLE",
    message: "Redis at redis://here refused: its user may not run XREVRANGE. Grant it to the user with ACL SETUSER.",
  });
});

it("F45: a lease on a Redis that became a replica says so, and a command of the tier's is refused with what Redis said", async () => {
  const own = await startTestRedis();
  const tier = new TestTier({ redis: own.url, serviceName: "demoted", ...times }, { run: ({ signal }) => aborted(signal) });
  const probe = new LifecycleProbe(tier);
  const ended = tier.runToCompletion();
  try {
    await probe.fact("lease.held", within);
    await probe.state("running", within);
    await own.witness.call("REPLICAOF", "127.0.0.1", "1");
    await probe.fact("lease.suspect", within);
    // each refusal ends the connection, so a beat may find none
    await eventually("the verdict", () => tier.status().lease?.trouble?.includes("a read-only replica"));
    const client = openRedis(own.url);
    await client.connect();
    await expect(client.set("sg:any", "1")).rejects.toThrow("READONLY");
    client.disconnect();
  } finally {
    await tier.shutdown();
    await ended;
    await own.stop();
  }
});
