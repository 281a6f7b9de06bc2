/** A client of the program's own in each form: the service lives whole on it, or one error says what the client is. */
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { blockingConnection } from "../../src/service/blocking-connection.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";

let redis: TestRedis;
const opened: Redis[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const client of opened.splice(0)) client.disconnect();
  await redis.witness.flushall();
});
afterAll(() => redis.stop());

const copies = { "ioredis 6": Redis, "ioredis 5": Redis5 as unknown as typeof Redis };
type Copy = keyof typeof copies;
const made = (copy: Copy, options: object = {}): Redis => {
  const client = new copies[copy](redis.adminUrl, options);
  client.on("error", () => {});
  opened.push(client);
  return client;
};

/** A service on that client, with what it reads over each connection, to its end. */
const life = async (client: Redis) => {
  const own = { read: "" as string | null, keys: [] as string[] };
  let onLooked = (): void => {};
  const looked = new Promise<void>((resolve) => {
    onLooked = resolve;
  });
  const tier = new TestTier(
    { redis: client, serviceName: "on-mine", instanceId: "one", pingAttempts: 1, useHealthServer: false },
    {
      onStart: async (context) => {
        await context.redis.set("mine", "1");
        own.read = await blockingConnection(context).get("mine");
      },
      run: async ({ redis: given, signal }) => {
        own.keys = await given.keys("*on-mine:one");
        onLooked();
        await aborted(signal);
      },
    },
  );
  const ended = tier.runToCompletion();
  await Promise.race([looked, ended]);
  await tier.shutdown();
  const { outcome, error } = await ended;
  const left = await Promise.all([0, 3].map((db) => made("ioredis 6", { db }).keys("sg:registry:service:*")));
  return { ...own, outcome, error, left: left.flat() };
};

const whole = {
  read: "1",
  keys: expect.arrayContaining(["sg:registry:service:on-mine:one"]),
  outcome: "shutdown",
  left: [],
};

/** Passes each member on to the client, as instrumentation does. */
const wrapped = (client: Redis): Redis =>
  new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (...args: unknown[]) => Reflect.apply(value, target, args) : value;
    },
  });

describe.each(Object.keys(copies) as Copy[])("%s: a service lives whole on a client", (copy) => {
  it.each<[object]>([
    [{}],
    [{ lazyConnect: true, enableOfflineQueue: false }],
    [{ enableReadyCheck: false, enableOfflineQueue: false }],
    [{ enableAutoPipelining: true, stringNumbers: true, showFriendlyErrorStack: true }],
    [{ maxRetriesPerRequest: null, commandTimeout: 5000, socketTimeout: 5000 }],
    [{ maxRetriesPerRequest: 0, retryStrategy: null, autoResendUnfulfilledCommands: false }],
    [{ reconnectOnError: () => true }],
    [{ reconnectOnError: () => 2 }],
    [{ readOnly: true, connectionName: "mine", natMap: {}, keepAlive: 1000 }],
    [{ protocol: 3, replyMapping: "resp3" }],
    [{ protocol: 2 }],
    [{ db: 3 }],
  ])("with %o", async (options) => {
    const client = made(copy, options);
    expect(await life(client)).toMatchObject(whole);
    expect(client.status).toBe("ready");
  });

  it("with a prefix, which the registry's keys do not have", async () => {
    const client = made(copy, { keyPrefix: "app:" });
    expect(await life(client)).toMatchObject({ ...whole, keys: expect.anything() });
    expect(await redis.witness.keys("app:*")).toEqual(["app:mine"]);
  });

  it("that has selected another database, where its entry and its further connections are", async () => {
    const client = made(copy);
    await client.select(3);
    expect(await life(client)).toMatchObject(whole);
  });

  it("that is a duplicate, a subclass or a wrapper, has a pipeline that is not sent, a watched key or a monitor beside it", async () => {
    const Own = class extends copies[copy] {};
    const own = new Own(redis.adminUrl);
    const busy = made(copy);
    opened.push(own, await busy.monitor());
    busy.pipeline().set("never", "1");
    await busy.watch("mine-too");
    for (const client of [made(copy).duplicate(), own, wrapped(made(copy)), busy]) {
      opened.push(client);
      expect(await life(client)).toMatchObject(whole);
    }
  });
});

describe.each(Object.keys(copies) as Copy[])("%s: the gate says in one clause that a client", (copy) => {
  const reason = async (client: Redis): Promise<string> => {
    const { outcome, error, left } = await life(client);
    expect([outcome, error?.code, left]).toEqual(["failed", "SG_ERR_REDIS_UNREACHABLE", []]);
    return error!.message;
  };

  it("is in MONITOR mode, by its option, as `monitor()` returns it, and by the command", async () => {
    const byOption = made(copy, { monitor: true });
    const returned = await made(copy).monitor();
    const byCommand = made(copy);
    await byCommand.call("MONITOR");
    opened.push(returned);
    for (const client of [byOption, returned, byCommand])
      expect(await reason(client)).toMatch(/the client is in MONITOR mode\. Pass \w/);
  });

  it("is in a transaction", async () => {
    const client = made(copy);
    await client.multi({ pipeline: false });
    expect(await reason(client)).toContain("the client is in a transaction. Pass one that is not.");
  });

  it("is subscribed under RESP2", async () => {
    const client = made(copy, { protocol: 2 });
    await client.subscribe("news");
    expect(await reason(client)).toContain("the client is subscribed. Pass one that is not.");
  });

  it("gives replies as Buffers, or another reply to PING", async () => {
    const client = made(copy);
    client.ping = (() => client.callBuffer("PING")) as never;
    expect(await reason(client)).toContain("the client gives replies as Buffers. Pass one whose replies are texts");
    client.ping = (async () => 1) as never;
    expect(await reason(client)).toContain("it answers PING with 1. Name a Redis, and pass a client whose ping() is its own.");
  });

  it("has a database that does not exist", async () => {
    expect(await reason(made(copy, { db: 99 }))).toContain("database 99 cannot be selected: there is no such database.");
  });
});
