import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeRedis, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { VanishWatch } from "../../src/registry/fleet-view.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { Registration } from "../../src/registry/registration.ts";
import type { RegistryEvent } from "../../src/registry/registry.ts";
import { Registry } from "../../src/registry/registry.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
let writing: Redis;
const watches: { stop(): Promise<void> }[] = [];
const opened: Redis[] = [];
const keys = registryKeys({ isCluster: false });
const soon = (): AbortSignal => AbortSignal.timeout(2000);

interface Boot {
  readonly instance?: string;
  readonly service?: string;
  readonly ttl?: number;
}
const start = async ({ instance = "one", service = "svc", ttl = 15_000 }: Boot = {}): Promise<Registration> => {
  const registration = new Registration({
    redis: writing,
    service,
    instance,
    leaseTtlMs: ttl,
    describe: () => ({ host: "here", pid: 1, version: "3.0.0", startedAt: 5, health: null, metadata: {} }),
  });
  await registration.register({ status: "starting", changed: true }, soon());
  return registration;
};

/** Collects what a watch tells, as short words too: `registered svc/one starting`. */
const watch = (client: Redis, service?: string) => {
  const ending = new AbortController();
  const events: RegistryEvent[] = [];
  const words = () =>
    events.map((event) =>
      "entry" in event ? `${event.type} ${event.entry.service}/${event.entry.instance} ${event.entry.status}` : event.type,
    );
  const done = (async () => {
    for await (const event of new Registry(client).watch(service, { signal: ending.signal })) events.push(event);
  })();
  const stop = async () => {
    ending.abort();
    await done;
  };
  watches.push({ stop });
  return {
    events,
    words,
    stop,
    done,
    told: (...expected: string[]) => eventually(`told ${expected}`, () => expected.every((word) => words().includes(word))),
  };
};

const connect = async (url = redis.url): Promise<Redis> => {
  const client = openRedis(url);
  opened.push(client);
  await client.connect();
  return client;
};

/** How often Redis was asked this. */
const callsOf = async (command: string): Promise<number> =>
  Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(await redis.witness.info("commandstats"))?.[1] ?? 0);

beforeEach(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
  writing = openRegistryConnection(redis.witness) as Redis;
  opened.push(writing);
});
afterEach(async () => {
  await Promise.all(watches.splice(0).map((each) => each.stop()));
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal: soon() })));
  await proxy.stop();
  await redis.stop();
});

describe("watching", () => {
  test("tells first what is there, then that this was all", async () => {
    await start();
    await start({ instance: "two" });
    const { told, words } = watch(redis.witness);
    await told("synced");
    expect(words()).toEqual(["registered svc/one starting", "registered svc/two starting", "synced"]);
  });

  test("tells of a boot, each status, and a goodbye, in order and nothing twice", async () => {
    const { told, words } = watch(redis.witness);
    await told("synced");
    const one = await start();
    for (const status of ["healthy", "running", "stopping"] as const) await one.renew({ status, changed: true }, soon());
    await one.renew({ status: "stopping", changed: false }, soon());
    await told("updated svc/one stopping");
    await one.deregister(soon());
    await told("deregistered svc/one stopping");
    const boot = [
      "registered svc/one starting",
      "updated svc/one healthy",
      "updated svc/one running",
      "updated svc/one stopping",
    ];
    expect(words()).toEqual(["synced", ...boot, "deregistered svc/one stopping"]);
  });

  test("tells of a crash at most half a second after the lease ended, once, to every watcher", async () => {
    const watchers = [watch(redis.witness), watch(await connect())];
    await Promise.all(watchers.map(({ told }) => told("synced")));
    await start({ ttl: 300 });
    await Promise.all(watchers.map(({ told }) => told("registered svc/one starting")));
    await eventually("the lease has ended", async () => (await redis.witness.exists(keys.service("svc", "one"))) === 0);
    const ended = performance.now();
    await Promise.all(watchers.map(({ told }) => told("expired svc/one starting")));
    expect(performance.now() - ended).toBeLessThan(550);
    expect(await redis.witness.exists(keys.index("svc"), keys.services)).toBe(0);
    const told = await redis.witness.xrange(keys.events, "-", "+");
    expect(told.filter(([, fields]) => fields.includes("expired"))).toHaveLength(1);
  });

  test("goes on beside a service whose index is somebody else's, also when an event names it", async () => {
    await redis.witness.sadd(keys.services, "bad");
    await redis.witness.set(keys.index("bad"), "not an index");
    const { told, words } = watch(redis.witness);
    await told("synced");
    await redis.witness.xadd(keys.events, "*", "type", "registered", "service", "bad", "instance", "one");
    await start({ ttl: 300 });
    await told("expired svc/one starting");
    expect(words()).toEqual(["synced", "registered svc/one starting", "expired svc/one starting"]);
  });

  test("a stream of events that is none is an error at the beginning, later one warning until it is gone, both naming its key", async () => {
    const message = `The registry cannot be read: ${keys.events} holds a string where a stream belongs; rename or delete it.`;
    await redis.witness.set(keys.events, "not a stream");
    const refused = new Registry(redis.witness).watch()[Symbol.asyncIterator]().next();
    await expect(refused).rejects.toMatchObject({ code: "SG_ERR_REGISTRY", message });
    await redis.witness.del(keys.events);

    const { told, words, events } = watch(redis.witness);
    await told("synced");
    await redis.witness.set(keys.events, "not a stream");
    await told("stale");
    expect(events.at(-1)).toEqual({ type: "stale", reason: "unreachable", message });
    const asked = await callsOf("xrevrange");
    await eventually("it has looked again", async () => (await callsOf("xrevrange")) >= asked + 2);
    await redis.witness.del(keys.events);
    await eventually("the all-clear", () => words().length === 3);
    await start();
    await told("registered svc/one starting");
    expect(words()).toEqual(["synced", "stale", "synced", "registered svc/one starting"]);
  });

  test("a lease that is kept is never told as expired", async () => {
    const one = await start({ ttl: 400 });
    const { told, words } = watch(redis.witness);
    await told("synced");
    const until = performance.now() + 1200;
    await eventually("three leases have passed", async () => {
      await one.renew({ status: "starting", changed: false }, soon());
      return performance.now() > until;
    });
    expect(words()).toEqual(["registered svc/one starting", "synced"]);
  });

  test("a newer boot of the same instance is told as registered, and the older one's end is not", async () => {
    const older = await start();
    const { told, events } = watch(redis.witness);
    await told("synced");
    const newer = await start();
    await eventually("the newer boot", () =>
      events.some((event) => event.type === "registered" && event.entry.incarnation === newer.incarnation),
    );
    await older.deregister(soon());
    await newer.deregister(soon());
    await eventually("the goodbye", () => events.some(({ type }) => type === "deregistered"));
    const last = events.at(-1)!;
    expect(last).toMatchObject({ type: "deregistered", entry: { incarnation: newer.incarnation } });
    expect(events.filter(({ type }) => type === "deregistered")).toHaveLength(1);
  });

  test("of one service tells nothing of the others", async () => {
    const { told, words } = watch(redis.witness, "svc");
    await told("synced");
    await start({ service: "other" });
    await start();
    await told("registered svc/one starting");
    expect(words()).toEqual(["synced", "registered svc/one starting"]);
  });

  test("ends at once when its signal aborts, and its connection is gone", async () => {
    const before = (await clients()).length;
    const { told, stop } = watch(redis.witness);
    await told("synced");
    await eventually("it has a connection", async () => (await clients()).length === before + 1);
    const began = performance.now();
    await stop();
    expect(performance.now() - began).toBeLessThan(250);
    await eventually("it is gone", async () => (await clients()).length === before);
    expect(redis.witness.status).toBe("ready");
  });

  test("a reader who leaves the loop leaves nothing behind", async () => {
    await start();
    const before = (await clients()).length;
    for await (const event of new Registry(redis.witness).watch()) {
      expect(event.type).toBe("registered");
      break;
    }
    await eventually("its connection is gone", async () => (await clients()).length === before);
  });

  test("a signal that has aborted already is an empty watch", async () => {
    const all: RegistryEvent[] = [];
    for await (const event of new Registry(redis.witness).watch(undefined, { signal: AbortSignal.abort() })) all.push(event);
    expect(all).toEqual([]);
  });
});

describe("watching in bad times", () => {
  test("a Redis that cannot be read at the beginning is an error", async () => {
    await proxy.refuse();
    const client = openRedis(proxy.through(redis.url));
    opened.push(client);
    const { done } = watch(client);
    watches.length = 0;
    await expect(done).rejects.toMatchObject({ code: "SG_ERR_REGISTRY" });
  });

  test.each(["cut off", "frozen"])("while Redis is %s the view is stale, not empty; afterwards it is put right", async (how) => {
    const one = await start();
    const client = await connect(proxy.through(redis.url));
    const { told, words, events } = watch(client);
    await told("synced");
    if (how === "frozen") redis.freeze();
    else await proxy.refuse();
    await told("stale");
    expect(events.at(-1)).toMatchObject({ type: "stale", reason: "unreachable" });
    if (how === "frozen") redis.thaw();
    else {
      await one.deregister(soon());
      await proxy.accept();
    }
    await eventually("all is known again", () => words().filter((word) => word === "synced").length === 2, { timeoutMs: 8000 });
    expect(words().filter((word) => word.startsWith("expired")).length).toBe(how === "frozen" ? 0 : 1);
  });

  test("when most of the fleet expires at once that is said before the expiries, and unsaid when they are back", async () => {
    for (const instance of ["a", "b", "c"]) await start({ instance, ttl: 300 });
    await start({ instance: "survivor" });
    const { told, words, events } = watch(redis.witness);
    await told("synced");
    await told("stale", "expired svc/a starting", "expired svc/b starting", "expired svc/c starting");
    const stale = words().indexOf("stale");
    expect(events[stale]).toMatchObject({ reason: "vanished", message: expect.stringContaining("3 of 4") });
    expect(words().filter((word) => word === "stale")).toHaveLength(1);
    for (const instance of ["a", "b", "c"]) await start({ instance });
    await eventually("it is unsaid", () => words().filter((word) => word === "synced").length === 2);
  });

  test("after a flush it goes on with what is registered then", async () => {
    const { told, words } = watch(redis.witness);
    await told("synced");
    await start();
    await told("registered svc/one starting");
    await redis.witness.flushall();
    const again = await start();
    await again.renew({ status: "running", changed: true }, soon());
    await told("updated svc/one running");
    expect(words()).not.toContain("expired svc/one starting");
  });

  test("a message in the stream that makes no sense is passed over", async () => {
    const { told } = watch(redis.witness);
    await told("synced");
    await redis.witness.xadd(keys.events, "*", "type", "registered");
    await redis.witness.xadd(keys.events, "*", "service", "svc", "instance", "ghost", "type", "deregistered", "incarnation", "x");
    await start();
    await told("registered svc/one starting");
  });
});

describe("noticing that most vanished", () => {
  test.each([
    ["one of two", [[1, 1]], [undefined]],
    ["two of three", [[2, 1]], [2]],
    ["two of four", [[2, 2]], [undefined]],
    [
      "all of two, one after the other",
      [
        [1, 1],
        [1, 0],
      ],
      [undefined, 2],
    ],
    [
      "told once",
      [
        [3, 1],
        [1, 0],
      ],
      [3, undefined],
    ],
  ] as const)("%s", (_what, steps, expected) => {
    const vanish = new VanishWatch(15_000);
    expect(steps.map(([ended, left], i) => vanish.note(ended, left, i))).toEqual(expected);
  });

  test("is over when the window has passed", () => {
    const vanish = new VanishWatch(100);
    expect(vanish.note(3, 1, 0)).toBe(3);
    expect(vanish.note(0, 1, 200)).toBeUndefined();
    expect(vanish.isStale).toBe(false);
  });
});

const clients = async (): Promise<string[]> =>
  String(await redis.witness.client("LIST"))
    .trim()
    .split("\n");
