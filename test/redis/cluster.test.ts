import { Cluster } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Outlet } from "../../src/journal/outlet.ts";
import { endScript } from "../../src/journal/scripts.ts";
import type { RedisClient } from "../../src/redis/client.ts";
import { closeRedis, openBlockingConnection, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { pingGate } from "../../src/redis/ping.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { checkPermissions } from "../../src/registry/permissions.ts";
import { Registration } from "../../src/registry/registration.ts";
import type { RegistryEvent } from "../../src/registry/registry.ts";
import { Registry } from "../../src/registry/registry.ts";
import { LaneConsumer } from "../../src/streams/consumer.ts";
import { trim } from "../../src/streams/trim.ts";
import { answerWrites } from "../../src/tiers/messages/answer.ts";
import { parseInbound } from "../../src/tiers/messages/envelope.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { deadlines } from "../kit/deadlines.ts";
import { reservePort } from "../kit/port-reservation.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { turnsBetween } from "../kit/turns.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let cluster: Cluster;
const soon = (): AbortSignal => AbortSignal.timeout(deadlines.fact);

const connect = (port = redis.port): Cluster =>
  new Cluster([{ host: "127.0.0.1", port }], { lazyConnect: true, redisOptions: { password: redis.password } });

beforeAll(async () => {
  const bus = await reservePort();
  redis = await startTestRedis({
    config: ["cluster-enabled yes", "cluster-announce-ip 127.0.0.1", `cluster-port ${bus.port}`],
  });
  await redis.witness.cluster("ADDSLOTSRANGE", 0, 16383);
  await eventually("the cluster is up", async () => String(await redis.witness.cluster("INFO")).includes("cluster_state:ok"));
  cluster = connect();
});
afterAll(async () => {
  await closeRedis(cluster, { signal: soon() });
  await redis.stop();
});

const clients = async (): Promise<number> =>
  String(await redis.witness.client("LIST"))
    .trim()
    .split("\n").length;

describe("on a Redis Cluster", () => {
  test("the ping gate passes", async () => {
    await pingGate(cluster, { owned: false, signal: soon() });
    expect(cluster.status).toBe("ready");
  });

  test.each(["pipeline", "multi"] as const)(
    "F36: a %s across slots is refused in a later turn of the event loop",
    async (kind) => {
      const own = openRegistryConnection(cluster) as Cluster;
      await own.connect();
      expect(await turnsBetween(() => own[kind]().mset("a", 1, "b", 2).exec())).toBe(true);
      await closeRedis(own, { signal: soon() });
    },
  );

  test("the ping gate refuses a client for one Redis, with the way on", async () => {
    const plain = openRedis(redis.url);
    await expect(pingGate(plain, { owned: true, signal: soon() })).rejects.toMatchObject({
      message: "a node of a Redis Cluster",
      advice: expect.stringContaining("Pass a Cluster client"),
    });
    await closeRedis(plain, { signal: soon() });
  });

  test("the permissions of the registry are asked at the node that has its keys", async () => {
    const check = (client: RedisClient) => checkPermissions(client, { service: "svc", instance: "one" });
    await pingGate(cluster, { owned: false, signal: soon(), check });
    await redis.witness.acl("SETUSER", "limited", "on", ">pw", "~*", "&*", "+@all", "-zadd");
    const limited = new Cluster([{ host: "127.0.0.1", port: redis.port }], {
      lazyConnect: true,
      redisOptions: { username: "limited", password: "pw" },
    });
    await expect(pingGate(limited, { owned: false, signal: soon(), check })).rejects.toMatchObject({
      message: expect.stringContaining("may not run ZADD"),
    });
    await closeRedis(limited, { signal: soon() });
  });

  test.each([
    ["the key {sg}:sg:registry:service:svc:one", ["~{sg}:sg:other:*", "+@all"]],
    [
      "the key {sg}:sg:registry:services",
      ["~{sg}:sg:registry:service:*", "~{sg}:sg:registry:released:*", "~{sg}:sg:registry:idx:*", "+@all"],
    ],
    ["passed", ["~{sg}:*", "+@all"]],
  ])("the permissions are asked for the registry's own keys, also behind a client's prefix: %s", async (verdict, rules) => {
    await redis.witness.acl("SETUSER", "bounded", "reset", "on", ">pw", "&*", ...rules);
    const bounded = new Cluster([{ host: "127.0.0.1", port: redis.port }], {
      lazyConnect: true,
      keyPrefix: "app:",
      redisOptions: { username: "bounded", password: "pw" },
    });
    const check = (client: RedisClient) => checkPermissions(client, { service: "svc", instance: "one" }, { hasJournal: true });
    const asked = pingGate(bounded, { owned: false, signal: soon(), check }).then(
      () => "passed",
      (error: Error & { advice?: string }) => `${error.message}. ${error.advice}`,
    );
    expect(await asked).toContain(verdict);
    await closeRedis(bounded, { signal: soon() });
  });

  test("the first messages of a journal go over a client with a prefix, to the registry's own keys", async () => {
    const prefixed = new Cluster([{ host: "127.0.0.1", port: redis.port }], {
      lazyConnect: true,
      keyPrefix: "app:",
      redisOptions: { password: redis.password },
    });
    await pingGate(prefixed, { owned: false, signal: soon() });
    const notConnected = openRegistryConnection(cluster);
    const outlet = new Outlet(notConnected);
    outlet.open(prefixed);
    expect(outlet.isReady).toBe(true);
    const { journal, ends, ending, known } = registryKeys(prefixed);
    await outlet.add("xadd", journal, "*", "service", "early");
    await outlet.run(endScript, [journal, ends, ending, known("early")], ["one", "ab", "place", "field", 10, "service", "late"]);
    expect((await redis.witness.xrange(journal, "-", "+")).map(([, fields]) => fields)).toEqual([
      ["service", "early"],
      ["service", "late"],
    ]);
    expect(await redis.witness.keys("app:*")).toEqual([]);
    await redis.witness.del(journal, ends);
    await Promise.all([prefixed, notConnected].map((client) => closeRedis(client, { signal: soon() })));
  });

  test("an entry is written, prolonged, listed, watched and deleted, under one hash tag", async () => {
    const own = openRegistryConnection(cluster);
    const one = new Registration({
      redis: own,
      service: "svc",
      instance: "one",
      leaseTtlMs: 15_000,
      describe: () => ({ host: "here", pid: 1, version: "3.0.0", uptimeMs: 5, health: null, metadata: {} }),
    });
    const registry = new Registry(cluster);
    const ending = new AbortController();
    const events: RegistryEvent["type"][] = [];
    const watching = (async () => {
      for await (const event of registry.watch("svc", { signal: ending.signal })) events.push(event.type);
    })();
    await eventually("the watch has begun", () => events.includes("synced"));
    expect(await one.register({ status: "starting", changed: true }, { signal: soon() })).toEqual({ type: "ok" });
    expect(await one.renew({ status: "running", changed: true }, { signal: soon() })).toEqual({ type: "ok" });
    expect(await registry.list()).toMatchObject([{ service: "svc", instance: "one", status: "running" }]);
    expect(await redis.witness.exists(registryKeys({ isCluster: true }).service("svc", "one"))).toBe(1);
    await eventually("the update", () => events.includes("updated"));
    await one.deregister({ signal: soon() });
    await eventually("the deregistration", () => events.includes("deregistered"));
    expect((await redis.witness.keys("*")).every((key) => key.startsWith("{sg}:"))).toBe(true);
    ending.abort();
    await watching;
    await closeRedis(own, { signal: soon() });
  });

  test("messages are handled in lanes and trimmed, under one hash tag", async () => {
    const { inbound, outbound } = messageKeys(cluster);
    for (const id of ["1", "2"])
      await cluster.xadd(
        inbound,
        "*",
        ...Object.entries({ id, platform: "p", channel: "c", author: "a", text: "hi", at: 1 }).flat(),
      );
    const stop = new AbortController();
    const running = new LaneConsumer({
      redis: cluster,
      stream: inbound,
      group: "g",
      laneFields: ["platform", "channel"],
      parse: parseInbound,
      handle: async (message) => answerWrites(cluster, message, { text: "yes", at: 2 }),
    }).run({ signal: stop.signal });
    await eventually("both are answered", async () => (await redis.witness.xlen(outbound("p"))) === 2);
    stop.abort();
    await running;
    expect(await trim(cluster, { stream: inbound, groups: ["g"], retainMs: 0 }, 60_000)).toBe(1);
    expect((await redis.witness.keys("*")).every((key) => key.startsWith("{sg}:"))).toBe(true);
  });

  test("closing leaves no connection", async () => {
    const before = await clients();
    const copies = [openRegistryConnection(cluster), openBlockingConnection(cluster)];
    await Promise.all(copies.map((copy) => copy.connect()));
    await Promise.all(copies.map((copy) => closeRedis(copy, { signal: soon() })));
    await eventually("they are gone", async () => (await clients()) <= before);
    expect(copies.map(({ status }) => status)).toEqual(["end", "end"]);
  });

  test("the ping gate rejects with the reason when no node can be reached", async () => {
    const nowhere = connect((await reservePort()).port);
    await expect(pingGate(nowhere, { owned: true, signal: AbortSignal.timeout(1000) })).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      message: expect.stringMatching(/^no node of the cluster answers: connection/),
    });
    await closeRedis(nowhere, { signal: soon() });
  });
});
