import { Cluster, Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LeaseStatus } from "../../machines/index.ts";
import { closeRedis, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import type { RegistryEntry } from "../../src/registry/entry.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { nameProblem } from "../../src/registry/names.ts";
import { Registration } from "../../src/registry/registration.ts";
import { Registry } from "../../src/registry/registry.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
const opened: Redis[] = [];
const keys = registryKeys({ isCluster: false });
const entryKey = keys.service("svc", "one");
const tombstone = keys.released("svc", "one");

const open = (url = redis.url): Redis => {
  const client = openRedis(url);
  const own = openRegistryConnection(client) as Redis;
  opened.push(own);
  return own;
};
const soon = (): AbortSignal => AbortSignal.timeout(2000);

interface Boot {
  readonly on?: Redis;
  readonly service?: string;
  readonly instance?: string;
  readonly ttl?: number;
  readonly pid?: number;
  readonly now?: () => number;
}
const boot = ({
  on = open(),
  service = "svc",
  instance = "one",
  ttl = 15_000,
  pid = 1,
  now = Date.now,
}: Boot = {}): Registration =>
  new Registration({
    redis: on,
    service,
    instance,
    leaseTtlMs: ttl,
    now,
    describe: () => ({
      host: "here",
      pid,
      version: "3.0.0",
      startedAt: 5,
      health: null,
      metadata: { list: [], n: 9007199254740991 },
    }),
  });
const register = (registration: Registration, status: LeaseStatus = "starting") =>
  registration.register({ status, changed: true }, soon());
const beat = (registration: Registration) => registration.renew({ status: "running", changed: false }, soon());
const update = (registration: Registration, status: LeaseStatus = "running") =>
  registration.renew({ status, changed: true }, soon());
const stored = async (): Promise<RegistryEntry | null> => JSON.parse((await redis.witness.get(entryKey)) ?? "null");
const ok = { type: "ok" };
const gone = { type: "gone" };
const supersededBy = (pid: number) => ({ type: "superseded", twin: { host: "here", pid } });

beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
beforeEach(async () => {
  await redis.witness.flushall();
});
afterEach(async () => {
  proxy.mode = "pass";
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal: soon() })));
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

describe("an entry", () => {
  test("says all that the contract names, incarnation and boot first", async () => {
    const one = boot({ now: () => 77 });
    await register(one);
    const text = await redis.witness.get(entryKey);
    expect(text).toMatch(/^{"incarnation":\d{16},"boot":"[0-9a-f]{16}","service":"svc","instance":"one","status":"starting",/);
    expect(JSON.parse(text!)).toEqual({
      incarnation: one.incarnation,
      boot: expect.any(String),
      service: "svc",
      instance: "one",
      status: "starting",
      startedAt: 5,
      since: 77,
      host: "here",
      pid: 1,
      version: "3.0.0",
      health: null,
      metadata: { list: [], n: 9007199254740991 },
    });
  });

  test("lives for its TTL, is in its service's index by lease end, and the service is in the list of services", async () => {
    await register(boot({ ttl: 9000 }));
    const [seconds] = await redis.witness.time();
    expect(await redis.witness.pttl(entryKey)).toBeGreaterThan(8000);
    expect(Number(await redis.witness.zscore(keys.index("svc"), "one")) - Number(seconds) * 1000).toBeGreaterThan(8000);
    expect(await redis.witness.smembers(keys.services)).toEqual(["svc"]);
  });

  test("follows the status, and `since` says when that status began", async () => {
    let now = 1;
    const one = boot({ now: () => now });
    await register(one);
    now = 2;
    await update(one, "healthy");
    now = 3;
    await update(one, "healthy");
    expect(await stored()).toMatchObject({ status: "healthy", since: 2 });
  });

  test.each([
    ["entry", entryKey, "a string"],
    ["tombstone", tombstone, "a string"],
    ["index", keys.index("svc"), "a zset"],
    ["list of services", keys.services, "a set"],
    ["stream of events", keys.events, "a stream"],
  ])("is not confirmed, and the error names the key, where somebody else's list stands for the %s", async (_what, key, type) => {
    await redis.witness.rpush(key, "somebody else's");
    await expect(register(boot())).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: `cannot register svc/one: ${key} holds a list where ${type} belongs; rename or delete it`,
    });
  });

  test("a beat prolongs it without writing it again", async () => {
    const one = boot();
    await register(one);
    await redis.witness.pexpire(entryKey, 100);
    const before = await stored();
    expect(await beat(one)).toEqual(ok);
    expect(await redis.witness.pttl(entryKey)).toBeGreaterThan(10_000);
    expect(await stored()).toEqual(before);
  });

  test("a beat puts a lost index right", async () => {
    const one = boot();
    await register(one);
    await redis.witness.del(keys.index("svc"), keys.services);
    expect(await beat(one)).toEqual(ok);
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(1);
    expect(await redis.witness.smembers(keys.services)).toEqual(["svc"]);
  });

  test("deregistering leaves nothing but a tombstone that passes", async () => {
    const one = boot();
    await register(one);
    await one.deregister(soon());
    const left = (await redis.witness.keys("*")).sort();
    expect(left).toEqual([keys.events, tombstone].sort());
    expect(await redis.witness.pttl(tombstone)).toBeGreaterThan(50_000);
  });
});

describe("fencing", () => {
  test("the incarnation is drawn once and grows with each boot", async () => {
    const one = boot();
    expect(one.incarnation).toBeUndefined();
    await register(one);
    const drawn = one.incarnation!;
    await register(one);
    expect(one.incarnation).toBe(drawn);
    const two = boot();
    await register(two);
    expect(two.incarnation).toBeGreaterThan(drawn);
  });

  test("it grows even where Redis' clock has gone back", async () => {
    const future = 8_000_000_000_000_000;
    await redis.witness.set(entryKey, `{"incarnation":${future},"boot":"00","host":"x"}`);
    const one = boot();
    await register(one);
    expect(one.incarnation).toBe(future + 1);
    await one.deregister(soon());
    const two = boot();
    await register(two);
    expect(two.incarnation).toBe(future + 2);
  });

  test("a newer boot replaces a live one; the older one's beats and updates change nothing and name the twin", async () => {
    const [older, newer] = [boot({ pid: 11 }), boot({ pid: 22 })];
    await register(older);
    expect(await register(newer)).toEqual(ok);
    const before = await redis.witness.get(entryKey);
    expect(await beat(older)).toEqual(supersededBy(22));
    expect(await update(older)).toEqual(supersededBy(22));
    expect(await register(older)).toEqual(supersededBy(22));
    expect(await redis.witness.get(entryKey)).toBe(before);
  });

  test("the older one's delete does not remove the newer entry, nor keep it from being written again", async () => {
    const [older, newer] = [boot(), boot()];
    await register(older);
    await register(newer);
    await older.deregister(soon());
    expect((await stored())?.incarnation).toBe(newer.incarnation);
    expect(await beat(newer)).toEqual(ok);
    await redis.witness.del(entryKey);
    expect(await register(newer)).toEqual(ok);
  });

  test("the newest finds an older entry and takes it back", async () => {
    const [older, newer] = [boot(), boot()];
    await register(older);
    await register(newer);
    await redis.witness.flushall();
    expect(await register(older)).toEqual(ok);
    expect(await beat(newer)).toEqual(gone);
    expect(await register(newer)).toEqual(ok);
    expect(await beat(older)).toMatchObject({ type: "superseded" });
  });

  test("a beat without an entry is told so, and creates none", async () => {
    const one = boot();
    await register(one);
    await redis.witness.flushall();
    expect(await beat(one)).toEqual(gone);
    expect(await update(one)).toEqual(gone);
    expect(await redis.witness.dbsize()).toBe(0);
  });

  test("an expired entry is written again by the boot that lost it", async () => {
    const one = boot({ ttl: 30 });
    await register(one);
    await eventually("the lease has ended", async () => (await redis.witness.exists(entryKey)) === 0);
    expect(await beat(one)).toEqual(gone);
    expect(await register(one)).toEqual(ok);
  });

  test("registering again is the same entry, not a new one", async () => {
    const one = boot();
    await register(one);
    const before = await stored();
    expect(await register(one)).toEqual(ok);
    expect(await stored()).toEqual(before);
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(1);
  });

  test("two boots that drew the same incarnation are told apart by their id: one holds, one is superseded", async () => {
    const connections = [open(), open()];
    await Promise.all(connections.map((connection) => connection.connect()));
    const pair = connections.map((on, pid) => boot({ on, pid }));
    await redis.witness.set(entryKey, '{"incarnation":8000000000000000,"boot":"00"}');
    await Promise.all(pair.map((each) => register(each)));
    expect(pair[0]!.incarnation).toBe(pair[1]!.incarnation);
    const answers = (await Promise.all(pair.map(beat))).map(({ type }) => type).sort();
    expect(answers).toEqual(["ok", "superseded"]);
  });

  test("of 200 boots that race, exactly one can beat, and it is the newest", async () => {
    const connections = await Promise.all(Array.from({ length: 20 }, async () => open()));
    const racers = Array.from({ length: 200 }, (_, i) => boot({ on: connections[i % 20]!, pid: i }));
    await Promise.all(connections.map((connection) => connection.connect()));
    await Promise.all(racers.map((racer) => register(racer)));
    const answers = await Promise.all(racers.map(beat));
    const holders = racers.filter((_, i) => answers[i]!.type === "ok");
    expect(holders).toHaveLength(1);
    expect(holders[0]!.incarnation).toBe(Math.max(...racers.map(({ incarnation }) => incarnation!)));
    expect(answers.filter(({ type }) => type === "superseded")).toHaveLength(199);
  });

  test("a boot that said goodbye does not come back, on whichever connection its late write arrives", async () => {
    const one = boot();
    await register(one);
    await one.deregister(soon());
    await expect(register(one)).rejects.toMatchObject({ code: "SG_ERR_REGISTRY" });
    expect(await beat(one)).toEqual(gone);
    expect(await stored()).toBeNull();
    expect(await register(boot())).toEqual(ok);
  });

  test("a goodbye of an older boot does not take back that of a newer one", async () => {
    const [older, newer] = [boot(), boot()];
    await register(older);
    await register(newer);
    await newer.deregister(soon());
    await older.deregister(soon());
    await expect(register(newer)).rejects.toMatchObject({ code: "SG_ERR_REGISTRY" });
  });

  test("a foreign text under the key is nobody's entry", async () => {
    await redis.witness.set(entryKey, "hello");
    const one = boot();
    expect(await register(one)).toEqual(ok);
    await redis.witness.set(entryKey, '{"incarnation":99999999999999999999,"boot":"ff"}');
    expect(await beat(one)).toEqual(gone);
    expect(await register(one)).toEqual(ok);
  });
});

describe("a registration and its connection", () => {
  test("a delete behind a write that Redis has not read yet lands behind it", async () => {
    const one = boot();
    await register(one);
    redis.freeze();
    const writes = [update(one), beat(one), one.deregister(soon())].map((write) => write.catch((error: unknown) => error));
    redis.thaw();
    await Promise.all(writes);
    expect(await stored()).toBeNull();
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(0);
  });

  test("works on after SCRIPT FLUSH", async () => {
    const one = boot();
    await register(one);
    await beat(one);
    await redis.witness.script("FLUSH");
    expect(await beat(one)).toEqual(ok);
    await redis.witness.script("FLUSH");
    expect(await register(one)).toEqual(ok);
  });

  test("takes one round trip for a beat and two for the first registration", async () => {
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.witness.info("stats"))![1]);
    const on = open();
    await on.connect();
    const one = boot({ on });
    const calls: string[] = [];
    const monitor = await redis.witness.monitor();
    monitor.on(
      "monitor",
      (_time: string, [name]: string[], source: string) => source !== "lua" && calls.push(name!.toLowerCase()),
    );
    expect(await commands()).toBeGreaterThan(0);
    await register(one);
    await beat(one);
    await eventually("all was seen", () => calls.filter((name) => name.startsWith("eval")).length === 3);
    expect(calls.filter((name) => name !== "info")).toEqual(["eval", "eval", "eval"]);
    await closeRedis(monitor, { signal: soon() });
  });

  test("an aborted call ends at once and sends nothing more", async () => {
    const on = open(proxy.through(redis.url));
    await on.connect();
    const one = boot({ on });
    proxy.mode = "slow";
    proxy.delayMs = 30;
    const stop = new AbortController();
    const registering = one.register({ status: "starting", changed: true }, stop.signal);
    await eventually("the draw is on its way", () => on.commandQueue.length === 1);
    stop.abort(new Error("deadline"));
    await expect(registering).rejects.toThrow("deadline");
    await eventually("the draw has been answered", () => on.commandQueue.length === 0);
    await one.deregister(soon());
    expect(await redis.witness.dbsize()).toBe(0);
    expect(one.incarnation).toBeUndefined();
  });

  test("nothing that was never sent needs Redis to be deleted", async () => {
    await proxy.refuse();
    await boot({ on: open(proxy.through(redis.url)) }).deregister(soon());
    await proxy.accept();
  });

  test("without Redis each call rejects at once and says why; with it again the next one works", async () => {
    const on = open(proxy.through(redis.url));
    const one = boot({ on });
    await register(one);
    await proxy.refuse();
    await eventually("the connection is lost", () => on.status !== "ready");
    await expect(beat(one)).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: expect.stringMatching(/^cannot renew svc\/one: /),
    });
    await expect(one.deregister(soon())).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: expect.stringMatching(/^cannot deregister svc\/one: .+/),
      cause: expect.anything(),
    });
    await proxy.accept();
    await eventually("it beats again", async () => (await beat(one)).type === "ok");
  });

  test("a goodbye does not wait for the next attempt at connecting, but makes it", async () => {
    const on = openRedis(proxy.through(redis.url), { retryStrategy: () => 60_000 });
    opened.push(on);
    const one = boot({ on });
    await register(one);
    await proxy.refuse();
    await eventually("it waits to connect again", () => on.status === "reconnecting");
    await proxy.accept();
    await one.deregister(soon());
    expect(await stored()).toBeNull();
  });

  test("a goodbye waits for the attempt at connecting that is under way", async () => {
    const on = openRedis(proxy.through(redis.url), { retryStrategy: () => 60_000 });
    opened.push(on);
    const one = boot({ on });
    await register(one);
    proxy.cut();
    await eventually("it waits to connect again", () => on.status === "reconnecting");
    const connecting = on.connect();
    expect(on.status).toBe("connecting");
    await one.deregister(soon());
    expect(await stored()).toBeNull();
    await connecting;
  });

  test("what is prepared is drawn once, before it is needed, and kept", async () => {
    const one = boot();
    const preparing = one.prepare(soon());
    expect(one.prepare(soon())).toBe(preparing);
    expect(await register(one)).toEqual(ok);
    await preparing;
    const drawn = one.incarnation;
    await one.prepare(soon());
    expect([one.incarnation, (await stored())?.incarnation]).toEqual([drawn, drawn]);
    expect(one.prepare(soon())).not.toBe(preparing);
  });

  test("a preparation that fails says nothing; registering does it again, and says why", async () => {
    await proxy.refuse();
    const one = boot({ on: open(proxy.through(redis.url)) });
    expect(await one.prepare(soon())).toBeUndefined();
    expect(one.incarnation).toBeUndefined();
    await expect(register(one)).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: expect.stringMatching(/^cannot register svc\/one: .*ECONNREFUSED|^cannot register svc\/one: connection/),
    });
    await proxy.accept();
  });

  test("a beat before the first registration finds nothing of its own, and sends nothing", async () => {
    await register(boot());
    const before = await redis.witness.get(entryKey);
    expect([await beat(boot()), await update(boot())]).toEqual([gone, gone]);
    expect(await redis.witness.get(entryKey)).toBe(before);
  });

  test("ends with its signal's own reason, on a connection that is still to be made too", async () => {
    const stopped = AbortSignal.abort(new Error("enough"));
    const one = boot();
    await expect(one.register({ status: "starting", changed: true }, stopped)).rejects.toThrow("enough");
    expect(await redis.witness.dbsize()).toBe(0);
  });

  test("a write on a connection that breaks rejects and is not sent again", async () => {
    const on = open(proxy.through(redis.url));
    const one = boot({ on });
    await register(one);
    proxy.mode = "stall";
    const lost = update(one, "healthy").catch((error: unknown) => error);
    await eventually("it is under way", () => on.commandQueue.length === 1);
    proxy.cut();
    expect(await lost).toMatchObject({ code: "SG_ERR_REGISTRY" });
    proxy.mode = "pass";
    await eventually("it beats again", async () => (await beat(one)).type === "ok");
    expect(await stored()).toMatchObject({ status: "starting" });
  });
});

describe("listing", () => {
  const listed = async (registry: Registry, service?: string) =>
    (await registry.list(service)).map((entry) => `${entry.service}/${entry.instance}`);

  test("ends with the reason of its signal", async () => {
    const listing = new Registry(redis.witness).list(undefined, { signal: AbortSignal.abort(new Error("enough")) });
    await expect(listing).rejects.toThrow("enough");
    redis.freeze();
    try {
      const stop = new AbortController();
      const frozen = new Registry(redis.witness).list("svc", { signal: stop.signal });
      stop.abort(new Error("later"));
      await expect(frozen).rejects.toThrow("later");
    } finally {
      redis.thaw();
    }
  });

  test("an empty registry is an empty list", async () => {
    expect(await new Registry(redis.witness).list()).toEqual([]);
  });

  test("gives one service or all, in order, whole", async () => {
    const on = open();
    for (const [service, instance] of [
      ["b", "2"],
      ["b", "1"],
      ["a", "1"],
    ] as const)
      await register(boot({ on, service, instance }));
    const registry = new Registry(redis.witness);
    expect(await listed(registry)).toEqual(["a/1", "b/1", "b/2"]);
    expect(await listed(registry, "b")).toEqual(["b/1", "b/2"]);
    expect(await listed(registry, "nobody")).toEqual([]);
    expect((await registry.list("a"))[0]).toMatchObject({ host: "here", pid: 1, metadata: { list: [] } });
  });

  test("is one for all: a prefix of the caller's client holds no entry back, and no reader may have one", async () => {
    const theirs = new Redis(redis.url, { keyPrefix: "app:", lazyConnect: true });
    const own = openRegistryConnection(theirs) as Redis;
    opened.push(theirs, own);
    await register(boot({ on: own }));
    expect(await listed(new Registry(redis.witness))).toEqual(["svc/one"]);
    expect(() => new Registry(theirs)).toThrow(
      expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID", message: expect.stringContaining("'app:'") }),
    );
  });

  test("takes a Cluster's client, whose options name no prefix", () => {
    const cluster = new Cluster([{ host: "127.0.0.1", port: redis.port }], { lazyConnect: true });
    expect(() => new Registry(cluster)).not.toThrow();
    cluster.disconnect();
  });

  test("gives the services in order, however Redis keeps them", async () => {
    const on = open();
    const services = Array.from({ length: 12 }, (_, at) => `s${String(11 - at).padStart(2, "0")}`);
    for (const service of services) await register(boot({ on, service }));
    expect(await listed(new Registry(redis.witness))).toEqual(services.toReversed().map((service) => `${service}/one`));
  });

  test("what Redis refuses is an error, not a hole in the list", async () => {
    await register(boot());
    await redis.witness.call("ACL", "SETUSER", "half", "on", ">half", "+@all", `~${keys.services}`);
    try {
      const url = new URL(redis.url);
      url.username = "half";
      url.password = "half";
      const half = openRedis(url.href);
      opened.push(half);
      await half.connect();
      await expect(new Registry(half).list()).rejects.toMatchObject({ code: "SG_ERR_REGISTRY" });
    } finally {
      await redis.witness.call("ACL", "DELUSER", "half");
    }
  });

  test("more than one chunk of instances is listed whole", async () => {
    const on = open();
    await on.connect();
    const many = Array.from({ length: 1201 }, (_, i) => boot({ on, instance: String(i).padStart(4, "0") }));
    await Promise.all(many.map((each) => register(each)));
    expect(await new Registry(redis.witness).list("svc")).toHaveLength(1201);
  });

  test("skips and reports what is not ours to parse", async () => {
    const on = open();
    await register(boot({ on, instance: "good" }));
    const foreign = ["no json", "[]", '{"service":"svc"}', '{"incarnation":"x","boot":1}'];
    for (const [i, text] of foreign.entries()) {
      await redis.witness.set(keys.service("svc", `bad${i}`), text);
      await redis.witness.zadd(keys.index("svc"), 9e15, `bad${i}`);
    }
    const good = (await redis.witness.get(keys.service("svc", "good")))!;
    await redis.witness.set(keys.service("svc", "liar"), good);
    await redis.witness.zadd(keys.index("svc"), 9e15, "liar");
    const skipped: string[] = [];
    const registry = new Registry(redis.witness, { onSkipped: (key) => skipped.push(key) });
    expect(await listed(registry)).toEqual(["svc/good"]);
    expect(skipped).toEqual([0, 1, 2, 3].map((i) => keys.service("svc", `bad${i}`)).concat(keys.service("svc", "liar")));
  });

  test("a key of another type hides no more than what it stands for, and is reported once", async () => {
    const on = open();
    await register(boot({ on, instance: "good" }));
    await register(boot({ on, service: "fine" }));
    await redis.witness.sadd(keys.services, "bad");
    await redis.witness.set(keys.index("bad"), "not an index");
    await redis.witness.zadd(keys.index("svc"), 9e15, "list", 9e15, "absent");
    await redis.witness.rpush(keys.service("svc", "list"), "not an entry");
    const skipped: string[] = [];
    const registry = new Registry(redis.witness, { onSkipped: (key) => skipped.push(key) });
    expect(await listed(registry)).toEqual(["fine/one", "svc/good"]);
    expect(await listed(registry, "svc")).toEqual(["svc/good"]);
    expect(skipped).toEqual([keys.index("bad"), keys.service("svc", "list")]);
  });

  test("a list of services that is none is one error that names its key", async () => {
    await redis.witness.set(keys.services, "not a set");
    await expect(new Registry(redis.witness).list()).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: `The registry cannot be read: ${keys.services} holds a string where a set belongs; rename or delete it.`,
    });
  });

  test("what has ended is not listed, though nobody has tidied up, and whatever the reader's clock says", async () => {
    await register(boot({ ttl: 30 }));
    await eventually("the lease has ended", async () => (await redis.witness.exists(entryKey)) === 0);
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(1);
    expect(await new Registry(redis.witness).list()).toEqual([]);
  });

  test.each(["refused", "lost", "frozen"])("a Redis that is %s is an error, never an empty list", async (how) => {
    await register(boot());
    const client = openRedis(proxy.through(redis.url), { commandTimeout: 100 });
    opened.push(client);
    if (how !== "refused") await client.connect();
    if (how !== "frozen") await proxy.refuse();
    if (how === "frozen") redis.freeze();
    try {
      await expect(new Registry(client).list()).rejects.toMatchObject({
        code: "SG_ERR_REGISTRY",
        message: expect.stringMatching(/^The registry cannot be read: (connection|no answer|not connected)/),
      });
    } finally {
      if (how === "frozen") redis.thaw();
      await proxy.accept();
    }
  });
});

describe("names", () => {
  test.each(["inference", "host-1.example-42-a1b2", "Ünï", "a".repeat(64)])("%s is a name", (name) => {
    expect(nameProblem("service", name)).toBeUndefined();
  });

  test.each(["", "a:b", "{sg}", "a}", "a b", "a\nb", "a\u0000", "a\u007f", "\ud800", "a".repeat(65), null, 7, undefined])(
    "%j is none",
    (name) => {
      expect(nameProblem("service", name)).toEqual(expect.any(String));
    },
  );

  test("an instance may be called longer than a service", () => {
    expect(nameProblem("instance", "a".repeat(128))).toBeUndefined();
    expect(nameProblem("instance", "a".repeat(129))).toContain("128");
  });
});
