import { Cluster, Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { LeaseStatus } from "../../machines/index.ts";
import { systemClock } from "../../src/clock.ts";
import { closeRedis, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import type { RegistryEntry } from "../../src/registry/entry.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { nameProblem } from "../../src/registry/names.ts";
import { Registration } from "../../src/registry/registration.ts";
import { Registry } from "../../src/registry/registry.ts";
import { deadlines } from "../kit/deadlines.ts";
import { hourMs, hoursOf } from "../kit/hours.ts";
import { leftAt } from "../kit/left-at-signal.ts";
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
const soon = (): AbortSignal => AbortSignal.timeout(deadlines.fact);

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
  ttl = hourMs,
  pid = 1,
  now = systemClock.now,
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
      uptimeMs: 5,
      health: null,
      metadata: { list: [], n: 9007199254740991 },
    }),
  });
const register = (registration: Registration, status: LeaseStatus = "starting") =>
  registration.register({ status, changed: true }, { signal: soon() });
const beat = (registration: Registration) => registration.renew({ status: "running", changed: false }, { signal: soon() });
const update = (registration: Registration, status: LeaseStatus = "running") =>
  registration.renew({ status, changed: true }, { signal: soon() });
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
  test("has every field of the contract, incarnation and boot first", async () => {
    const one = boot({ now: () => 77 });
    await register(one);
    const drawnAt = Math.round(one.incarnation! / 1000);
    const text = await redis.witness.get(entryKey);
    expect(text).toMatch(/^{"incarnation":\d{16},"boot":"[0-9a-f]{16}","service":"svc","instance":"one","status":"starting",/);
    expect(JSON.parse(text!)).toEqual({
      incarnation: one.incarnation,
      boot: expect.any(String),
      service: "svc",
      instance: "one",
      status: "starting",
      startedAt: drawnAt - 5,
      since: drawnAt,
      host: "here",
      pid: 1,
      version: "3.0.0",
      health: null,
      metadata: { list: [], n: 9007199254740991 },
    });
  });

  test("lives for its TTL, stands in its service's index by the end of its lease, and the service stands in the list of services", async () => {
    await register(boot({ ttl: 2 * hourMs }));
    const [seconds] = await redis.witness.time();
    const endsAt = Number(await redis.witness.zscore(keys.index("svc"), "one"));
    expect(hoursOf(await redis.witness.pttl(entryKey))).toBe(2);
    // TIME gives whole seconds here
    expect(hoursOf(endsAt - (Number(seconds) + 1) * 1000)).toBe(2);
    expect(await redis.witness.smembers(keys.services)).toEqual(["svc"]);
  });

  test("F39: follows the status, and `since` is when that status began, by the clock of Redis and never by the wall clock", async () => {
    let now = 1;
    const one = boot({ now: () => now });
    await register(one);
    const drawnAt = Math.round(one.incarnation! / 1000);
    now = 2001;
    await update(one, "healthy");
    now = 3001;
    await update(one, "healthy");
    expect(await stored()).toMatchObject({ status: "healthy", since: drawnAt + 2000 });
  });

  test.each([
    ["entry", entryKey, "a string"],
    ["tombstone", tombstone, "a string"],
    ["index", keys.index("svc"), "a zset"],
    ["list of services", keys.services, "a set"],
    ["stream of events", keys.events, "a stream"],
  ])("is not confirmed, and the error names the key, where a list stands in the place of the %s", async (_what, key, type) => {
    await redis.witness.rpush(key, "another program's");
    await expect(register(boot())).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: `cannot register svc/one: ${key} holds a list where ${type} belongs; rename or delete it`,
    });
  });

  test("a beat prolongs it without writing it again", async () => {
    const one = boot({ ttl: 2 * hourMs });
    await register(one);
    await redis.witness.pexpire(entryKey, hourMs);
    const before = await stored();
    expect(await beat(one)).toEqual(ok);
    expect(hoursOf(await redis.witness.pttl(entryKey))).toBe(2);
    expect(await stored()).toEqual(before);
  });

  test("a beat restores a lost index", async () => {
    const one = boot();
    await register(one);
    await redis.witness.del(keys.index("svc"), keys.services);
    expect(await beat(one)).toEqual(ok);
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(1);
    expect(await redis.witness.smembers(keys.services)).toEqual(["svc"]);
  });

  test("deregistering leaves nothing but a tombstone with a TTL", async () => {
    const one = boot();
    await register(one);
    await one.deregister({ signal: soon() });
    const left = (await redis.witness.keys("*")).sort();
    expect(left).toEqual([keys.events, tombstone].sort());
    expect(await redis.witness.pttl(tombstone)).not.toBe(-1);
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

  test("the incarnation grows even where the clock of Redis has gone back", async () => {
    const future = 8_000_000_000_000_000;
    await redis.witness.set(entryKey, `{"incarnation":${future},"boot":"00","host":"x"}`);
    const one = boot();
    await register(one);
    expect(one.incarnation).toBe(future + 1);
    await one.deregister({ signal: soon() });
    const two = boot();
    await register(two);
    expect(two.incarnation).toBe(future + 2);
  });

  test("a newer boot replaces a live one; the writes of the older one change nothing and name the newer one", async () => {
    const [older, newer] = [boot({ pid: 11 }), boot({ pid: 22 })];
    await register(older);
    expect(await register(newer)).toEqual(ok);
    const before = await redis.witness.get(entryKey);
    expect(await beat(older)).toEqual(supersededBy(22));
    expect(await update(older)).toEqual(supersededBy(22));
    expect(await register(older)).toEqual(supersededBy(22));
    expect(await redis.witness.get(entryKey)).toBe(before);
  });

  test("the delete of an older boot neither removes the newer entry nor refuses its next write", async () => {
    const [older, newer] = [boot(), boot()];
    await register(older);
    await register(newer);
    await older.deregister({ signal: soon() });
    expect((await stored())?.incarnation).toBe(newer.incarnation);
    expect(await beat(newer)).toEqual(ok);
    await redis.witness.del(entryKey);
    expect(await register(newer)).toEqual(ok);
  });

  test("the newest boot finds an older entry and replaces it", async () => {
    const [older, newer] = [boot(), boot()];
    await register(older);
    await register(newer);
    await redis.witness.flushall();
    expect(await register(older)).toEqual(ok);
    expect(await beat(newer)).toEqual(gone);
    expect(await register(newer)).toEqual(ok);
    expect(await beat(older)).toMatchObject({ type: "superseded" });
  });

  test("a beat without an entry is answered with gone, and creates none", async () => {
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

  test("registering again leaves the entry as it was", async () => {
    const one = boot();
    await register(one);
    const before = await stored();
    expect(await register(one)).toEqual(ok);
    expect(await stored()).toEqual(before);
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(1);
  });

  test("of two boots that drew the same incarnation the id decides: one has the entry, the other is superseded", async () => {
    const connections = [open(), open()];
    await Promise.all(connections.map((connection) => connection.connect()));
    const pair = connections.map((on, pid) => boot({ on, pid }));
    await redis.witness.set(entryKey, '{"incarnation":8000000000000000,"boot":"00"}');
    await Promise.all(pair.map((each) => register(each)));
    expect(pair[0]!.incarnation).toBe(pair[1]!.incarnation);
    const answers = (await Promise.all(pair.map(beat))).map(({ type }) => type).sort();
    expect(answers).toEqual(["ok", "superseded"]);
  });

  test("of 200 boots that race, the newest alone can beat", async () => {
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

  test("a late write of a boot that has deregistered is refused, also on another connection", async () => {
    const one = boot();
    await register(one);
    await one.deregister({ signal: soon() });
    await expect(register(one)).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: "cannot register svc/one: this boot, or a newer one, has deregistered",
    });
    expect(await beat(one)).toEqual(gone);
    expect(await stored()).toBeNull();
    expect(await register(boot())).toEqual(ok);
  });

  test("the tombstone of a newer boot stays when an older one deregisters", async () => {
    const [older, newer] = [boot(), boot()];
    await register(older);
    await register(newer);
    await newer.deregister({ signal: soon() });
    await older.deregister({ signal: soon() });
    await expect(register(newer)).rejects.toMatchObject({ code: "SG_ERR_REGISTRY" });
  });

  test("another program's text under the key counts as no entry", async () => {
    await redis.witness.set(entryKey, "hello");
    const one = boot();
    expect(await register(one)).toEqual(ok);
    await redis.witness.set(entryKey, '{"incarnation":99999999999999999999,"boot":"ff"}');
    expect(await beat(one)).toEqual(gone);
    expect(await register(one)).toEqual(ok);
  });
});

describe("a registration and its connection", () => {
  test("a delete is applied after the writes that were sent before it", async () => {
    const one = boot();
    await register(one);
    redis.freeze();
    const writes = [update(one), beat(one), one.deregister({ signal: soon() })].map((write) =>
      write.catch((error: unknown) => error),
    );
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

  test("an aborted call rejects and sends nothing more", async () => {
    const on = open(proxy.through(redis.url));
    await on.connect();
    const one = boot({ on });
    proxy.mode = "slow";
    proxy.delayMs = 30;
    const stop = new AbortController();
    const registering = one.register({ status: "starting", changed: true }, { signal: stop.signal });
    await eventually("the draw is on its way", () => on.commandQueue.length === 1);
    stop.abort(new Error("deadline"));
    await expect(registering).rejects.toThrow("deadline");
    await eventually("the draw has been answered", () => on.commandQueue.length === 0);
    await one.deregister({ signal: soon() });
    expect(await redis.witness.dbsize()).toBe(0);
    expect(one.incarnation).toBeUndefined();
  });

  test("deregistering before the first write needs no Redis", async () => {
    await proxy.refuse();
    await boot({ on: open(proxy.through(redis.url)) }).deregister({ signal: soon() });
    await proxy.accept();
  });

  test("each call rejects with the reason while Redis is away, and works once it is back", async () => {
    const on = open(proxy.through(redis.url));
    const one = boot({ on });
    await register(one);
    await proxy.refuse();
    await eventually("the connection is lost", () => on.status !== "ready");
    await expect(beat(one)).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: expect.stringMatching(/^cannot renew svc\/one: /),
    });
    await expect(one.deregister({ signal: soon() })).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: expect.stringMatching(/^cannot deregister svc\/one: .+/),
      cause: expect.anything(),
    });
    await proxy.accept();
    await eventually("it beats again", async () => (await beat(one)).type === "ok");
  });

  test("deregistering connects now and does not wait for the next reconnect", async () => {
    const on = openRedis(proxy.through(redis.url), { retryStrategy: () => 60_000 });
    opened.push(on);
    const one = boot({ on });
    await register(one);
    await proxy.refuse();
    await eventually("it waits to connect again", () => on.status === "reconnecting");
    await proxy.accept();
    await one.deregister({ signal: soon() });
    expect(await stored()).toBeNull();
  });

  test("deregistering waits for the attempt to connect that is under way", async () => {
    const on = openRedis(proxy.through(redis.url), { retryStrategy: () => 60_000 });
    opened.push(on);
    const one = boot({ on });
    await register(one);
    proxy.cut();
    await eventually("it waits to connect again", () => on.status === "reconnecting");
    const connecting = on.connect();
    expect(on.status).toBe("connecting");
    await one.deregister({ signal: soon() });
    expect(await stored()).toBeNull();
    await connecting;
  });

  test("preparing draws the incarnation once, and registering keeps it", async () => {
    const one = boot();
    const preparing = one.prepare({ signal: soon() });
    expect(one.prepare({ signal: soon() })).toBe(preparing);
    expect(await register(one)).toEqual(ok);
    await preparing;
    const drawn = one.incarnation;
    await one.prepare({ signal: soon() });
    expect([one.incarnation, (await stored())?.incarnation]).toEqual([drawn, drawn]);
    expect(one.prepare({ signal: soon() })).not.toBe(preparing);
  });

  test("a preparation that fails resolves; registering does it again and rejects with the reason", async () => {
    await proxy.refuse();
    const one = boot({ on: open(proxy.through(redis.url)) });
    expect(await one.prepare({ signal: soon() })).toBeUndefined();
    expect(one.incarnation).toBeUndefined();
    await expect(register(one)).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: expect.stringMatching(/^cannot register svc\/one: .*ECONNREFUSED|^cannot register svc\/one: connection/),
    });
    await proxy.accept();
  });

  test("a beat before the first registration is answered with gone, and sends nothing", async () => {
    await register(boot());
    const before = await redis.witness.get(entryKey);
    expect([await beat(boot()), await update(boot())]).toEqual([gone, gone]);
    expect(await redis.witness.get(entryKey)).toBe(before);
  });

  test("a call rejects with its signal's reason, also on a connection that is still to be made", async () => {
    const enough = new Error("enough");
    const stopped = AbortSignal.abort(enough);
    const one = boot();
    await expect(one.register({ status: "starting", changed: true }, { signal: stopped })).rejects.toBe(enough);
    expect(await redis.witness.dbsize()).toBe(0);
  });

  test("a write in flight when the connection breaks rejects and is not sent again", async () => {
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

  test("rejects with the reason of its signal", async () => {
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

  test("leaves nothing at its signal, with which a registry may be listed for years", async () => {
    const { signal } = new AbortController();
    const registry = new Registry(redis.witness);
    for (let time = 0; time < 3; time += 1) expect(await registry.list("svc", { signal })).toEqual([]);
    expect(leftAt(signal)).toEqual([]);
  });

  test("an empty registry is an empty list", async () => {
    expect(await new Registry(redis.witness).list()).toEqual([]);
  });

  test("returns one service or all, in order, with every field", async () => {
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
    expect(await listed(registry, "unknown")).toEqual([]);
    expect((await registry.list("a"))[0]).toMatchObject({ host: "here", pid: 1, metadata: { list: [] } });
  });

  test("there is one registry: a writer's key prefix is not used, and a reader with one is refused", async () => {
    const theirs = new Redis(redis.url, { keyPrefix: "app:", lazyConnect: true });
    const own = openRegistryConnection(theirs) as Redis;
    opened.push(theirs, own);
    await register(boot({ on: own }));
    expect(await listed(new Registry(redis.witness))).toEqual(["svc/one"]);
    expect(() => new Registry(theirs)).toThrow(
      expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID", message: expect.stringContaining("'app:'") }),
    );
  });

  test("an option of a reader that does not exist is refused", () => {
    expect(() => new Registry(redis.witness, { onSkiped() {} } as never)).toThrow(
      expect.objectContaining({
        code: "SG_ERR_CONFIG_INVALID",
        message: "Registry was given an unknown option 'onSkiped' (did you mean onSkipped?).",
      }),
    );
  });

  test("accepts a Cluster's client, whose options name no prefix", () => {
    const cluster = new Cluster([{ host: "127.0.0.1", port: redis.port }], { lazyConnect: true });
    expect(() => new Registry(cluster)).not.toThrow();
    cluster.disconnect();
  });

  test("returns the services in order, though Redis has them in none", async () => {
    const on = open();
    const services = Array.from({ length: 12 }, (_, at) => `s${String(11 - at).padStart(2, "0")}`);
    for (const service of services) await register(boot({ on, service }));
    expect(await listed(new Registry(redis.witness))).toEqual(services.toReversed().map((service) => `${service}/one`));
  });

  test("rejects when Redis refuses a part of the listing", async () => {
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

  test("returns more instances than fit into one chunk", async () => {
    const on = open();
    await on.connect();
    const many = Array.from({ length: 1201 }, (_, i) => boot({ on, instance: String(i).padStart(4, "0") }));
    await Promise.all(many.map((each) => register(each)));
    expect(await new Registry(redis.witness).list("svc")).toHaveLength(1201);
  });

  test("leaves out and reports a text that is no entry", async () => {
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

  test("a key of another type hides nothing but its own entry or service, and is reported once", async () => {
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

  test("rejects with the key where the list of services has another type", async () => {
    await redis.witness.set(keys.services, "not a set");
    await expect(new Registry(redis.witness).list()).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: `The registry cannot be read: ${keys.services} holds a string where a set belongs; rename or delete it.`,
    });
  });

  test("leaves out a lease that has ended, also while its index still has it", async () => {
    await register(boot({ ttl: 30 }));
    await eventually("the lease has ended", async () => (await redis.witness.exists(entryKey)) === 0);
    expect(await redis.witness.zcard(keys.index("svc"))).toBe(1);
    expect(await new Registry(redis.witness).list()).toEqual([]);
  });

  test.each(["refused", "lost", "frozen"])("rejects while Redis is %s, never with an empty list", async (how) => {
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
  test.each(["inference", "host-1.example-42-a1b2", "Ünï", "a".repeat(64)])("%s is a valid name", (name) => {
    expect(nameProblem("service", name)).toBeUndefined();
  });

  test.each(["", "a:b", "{sg}", "a}", "a b", "a\nb", "a\u0000", "a\u007f", "\ud800", "a".repeat(65), null, 7, undefined])(
    "%j is no valid name",
    (name) => {
      expect(nameProblem("service", name)).toEqual(expect.any(String));
    },
  );

  test("an instance's name may be longer than a service's", () => {
    expect(nameProblem("instance", "a".repeat(128))).toBeUndefined();
    expect(nameProblem("instance", "a".repeat(129))).toContain("128");
  });
});
