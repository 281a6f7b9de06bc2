import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeRedis, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { Registration } from "../../src/registry/registration.ts";
import type { RegistryEvent } from "../../src/registry/registry.ts";
import { Registry } from "../../src/registry/registry.ts";
import { unreadable } from "../../src/registry/unreadable.ts";
import { VanishWatch } from "../../src/registry/vanish-watch.ts";
import { watchRegistry } from "../../src/registry/watch.ts";
import { deadlines } from "../kit/deadlines.ts";
import { hourMs } from "../kit/hours.ts";
import { madeOf } from "../kit/left-at-signal.ts";
import { connectionsTo, noteLeftovers } from "../kit/leftovers.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { turnsBetween } from "../kit/turns.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
let writing: Redis;
const watches: { stop(): Promise<void> }[] = [];
const opened: Redis[] = [];
const keys = registryKeys({ isCluster: false });
const soon = (): AbortSignal => AbortSignal.timeout(deadlines.fact);

interface Boot {
  readonly instance?: string;
  readonly service?: string;
  readonly ttl?: number;
}
const start = async ({ instance = "one", service = "svc", ttl = hourMs }: Boot = {}): Promise<Registration> => {
  const registration = new Registration({
    redis: writing,
    service,
    instance,
    leaseTtlMs: ttl,
    describe: () => ({ host: "here", pid: 1, version: "3.0.0", uptimeMs: 5, health: null, metadata: {} }),
  });
  await registration.register({ status: "starting", changed: true }, { signal: soon() });
  return registration;
};

/** The leases end now, as of processes that were killed a TTL ago: whatever the machine does, no lease ends before its watch has seen it. */
const endLeases = async (...instances: string[]): Promise<void> => {
  const ending = redis.witness.multi();
  for (const instance of instances) ending.del(keys.service("svc", instance)).zadd(keys.index("svc"), 1, instance);
  await ending.exec();
};

/** Collects the events of a watch, as short words too: `registered svc/one starting`. */
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
    signal: ending.signal,
    stop,
    done,
    emitted: (...expected: string[]) => eventually(`emitted ${expected}`, () => expected.every((word) => words().includes(word))),
  };
};

const connect = async (url = redis.url): Promise<Redis> => {
  const client = openRedis(url);
  opened.push(client);
  await client.connect();
  return client;
};

/** How often Redis was sent this command. */
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
  test("emits each entry that is there first, then synced", async () => {
    await start();
    await start({ instance: "two" });
    const { emitted, words } = watch(redis.witness);
    await emitted("synced");
    expect(words()).toEqual(["registered svc/one starting", "registered svc/two starting", "synced"]);
  });

  test("emits a boot, each of its statuses and its deregistration, in order and each once", async () => {
    const { emitted, words } = watch(redis.witness);
    await emitted("synced");
    const one = await start();
    for (const status of ["healthy", "running", "stopping"] as const)
      await one.renew({ status, changed: true }, { signal: soon() });
    await one.renew({ status: "stopping", changed: false }, { signal: soon() });
    await emitted("updated svc/one stopping");
    await one.deregister({ signal: soon() });
    await emitted("deregistered svc/one stopping");
    const boot = [
      "registered svc/one starting",
      "updated svc/one healthy",
      "updated svc/one running",
      "updated svc/one stopping",
    ];
    expect(words()).toEqual(["synced", ...boot, "deregistered svc/one stopping"]);
  });

  test("leaves nothing of its steps at its signal, which lives as long as the process", async () => {
    const { emitted, events, signal } = watch(redis.witness);
    await emitted("synced");
    const one = await start();
    for (let step = 1; step <= 20; step += 1) {
      await one.renew({ status: step % 2 === 0 ? "running" : "healthy", changed: true }, { signal: soon() });
      await eventually("it is emitted", () => events.length > step + 1);
    }
    expect(madeOf(signal)).toEqual([]);
  });

  test("emits a crash to every watch, and publishes it once", async () => {
    const watchers = [watch(redis.witness), watch(await connect())];
    await Promise.all(watchers.map(({ emitted }) => emitted("synced")));
    await start();
    await Promise.all(watchers.map(({ emitted }) => emitted("registered svc/one starting")));
    await endLeases("one");
    await Promise.all(watchers.map(({ emitted }) => emitted("expired svc/one starting")));
    expect(await redis.witness.exists(keys.index("svc"), keys.services)).toBe(0);
    const published = await redis.witness.xrange(keys.events, "-", "+");
    expect(published.filter(([, fields]) => fields.includes("expired"))).toHaveLength(1);
  });

  test("goes on when the index of one service holds another program's value, also when an event names that service", async () => {
    await redis.witness.sadd(keys.services, "bad");
    await redis.witness.set(keys.index("bad"), "not an index");
    const { emitted, words } = watch(redis.witness);
    await emitted("synced");
    await redis.witness.xadd(keys.events, "*", "type", "registered", "service", "bad", "instance", "one");
    await start();
    await emitted("registered svc/one starting");
    await endLeases("one");
    await emitted("expired svc/one starting");
    expect(words()).toEqual(["synced", "registered svc/one starting", "expired svc/one starting"]);
  });

  test("a value of another type in the place of the stream is an error at the beginning and one warning later, both with the key", async () => {
    const message = `The registry cannot be read: ${keys.events} holds a string where a stream belongs; rename or delete it.`;
    await redis.witness.set(keys.events, "not a stream");
    const refused = new Registry(redis.witness).watch()[Symbol.asyncIterator]().next();
    await expect(refused).rejects.toMatchObject({ code: "SG_ERR_REGISTRY", message });
    await redis.witness.del(keys.events);

    const { emitted, words, events } = watch(redis.witness);
    await emitted("synced");
    await redis.witness.set(keys.events, "not a stream");
    await emitted("stale");
    expect(events.at(-1)).toEqual({ type: "stale", reason: "unreachable", message });
    const asked = await callsOf("xrevrange");
    await eventually("it has looked again", async () => (await callsOf("xrevrange")) >= asked + 2);
    await redis.witness.del(keys.events);
    await eventually("the all-clear", () => words().length === 3);
    await start();
    await emitted("registered svc/one starting");
    expect(words()).toEqual(["synced", "stale", "synced", "registered svc/one starting"]);
  });

  test("a lease that is prolonged never expires", async () => {
    const ttl = 2000;
    const one = await start({ ttl });
    const { emitted, words } = watch(redis.witness);
    await emitted("synced");
    const endOfLease = async () => Number(await redis.witness.zscore(keys.index("svc"), "one"));
    const first = await endOfLease();
    await eventually("the first lease has passed", async () => {
      await one.renew({ status: "starting", changed: false }, { signal: soon() });
      return (await endOfLease()) > first + ttl;
    });
    expect(words()).toEqual(["registered svc/one starting", "synced"]);
  });

  test("emits a newer boot of an instance as registered, and not the end of the older one", async () => {
    const older = await start();
    const { emitted, events } = watch(redis.witness);
    await emitted("synced");
    const newer = await start();
    await eventually("the newer boot", () =>
      events.some((event) => event.type === "registered" && event.entry.incarnation === newer.incarnation),
    );
    await older.deregister({ signal: soon() });
    await newer.deregister({ signal: soon() });
    await eventually("the deregistration", () => events.some(({ type }) => type === "deregistered"));
    const last = events.at(-1)!;
    expect(last).toMatchObject({ type: "deregistered", entry: { incarnation: newer.incarnation } });
    expect(events.filter(({ type }) => type === "deregistered")).toHaveLength(1);
  });

  test("of one service emits nothing of the others", async () => {
    const { emitted, words } = watch(redis.witness, "svc");
    await emitted("synced");
    await start({ service: "other" });
    await start();
    await emitted("registered svc/one starting");
    expect(words()).toEqual(["synced", "registered svc/one starting"]);
  });

  test("ends when its signal aborts, and closes its connection", async () => {
    const before = await connectionsTo(redis);
    const made = async () => (await connectionsTo(redis)).filter((id) => !before.includes(id)).length;
    const { emitted, stop } = watch(redis.witness);
    await emitted("synced");
    await eventually("it has a connection", async () => (await made()) === 1);
    await stop();
    await eventually("it is gone", async () => (await made()) === 0);
    expect(redis.witness.status).toBe("ready");
  });

  test("a loop that is left leaves no connection", async () => {
    await start();
    const leavesNothing = await noteLeftovers(redis);
    for await (const event of new Registry(redis.witness).watch()) {
      expect(event.type).toBe("registered");
      break;
    }
    await leavesNothing();
  });

  test("emits nothing when its signal has aborted before it begins", async () => {
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

  test.each(["cut off", "frozen"])("emits stale while Redis is %s, and what changed meanwhile afterwards", async (how) => {
    const one = await start();
    const client = await connect(proxy.through(redis.url));
    const { emitted, words, events } = watch(client);
    await emitted("synced");
    if (how === "frozen") redis.freeze();
    else await proxy.refuse();
    await emitted("stale");
    expect(events.at(-1)).toMatchObject({ type: "stale", reason: "unreachable" });
    if (how === "frozen") redis.thaw();
    else {
      await one.deregister({ signal: soon() });
      await proxy.accept();
    }
    await eventually("it is synced again", () => words().filter((word) => word === "synced").length === 2);
    expect(words().filter((word) => word.startsWith("expired")).length).toBe(how === "frozen" ? 0 : 1);
  });

  test("emits stale before the expiries of most of the fleet, and synced when the instances are back", async () => {
    for (const instance of ["a", "b", "c"]) await start({ instance });
    await start({ instance: "survivor" });
    const { emitted, words, events } = watch(redis.witness);
    await emitted("synced");
    await endLeases("a", "b", "c");
    await emitted("stale", "expired svc/a starting", "expired svc/b starting", "expired svc/c starting");
    const stale = words().indexOf("stale");
    expect(events[stale]).toMatchObject({ reason: "vanished", message: expect.stringContaining("3 of 4") });
    expect(words().filter((word) => word === "stale")).toHaveLength(1);
    for (const instance of ["a", "b", "c"]) await start({ instance });
    await eventually("it is synced again", () => words().filter((word) => word === "synced").length === 2);
  });

  test("goes on after a flush with the boots that register then", async () => {
    const { emitted, words } = watch(redis.witness);
    await emitted("synced");
    await start();
    await emitted("registered svc/one starting");
    await redis.witness.flushall();
    const again = await start();
    await again.renew({ status: "running", changed: true }, { signal: soon() });
    await emitted("updated svc/one running");
    expect(words()).not.toContain("expired svc/one starting");
  });

  test("ignores a message of the stream without sense", async () => {
    const { emitted } = watch(redis.witness);
    await emitted("synced");
    await redis.witness.xadd(keys.events, "*", "type", "registered");
    await redis.witness.xadd(keys.events, "*", "service", "svc", "instance", "ghost", "type", "deregistered", "incarnation", "x");
    await start();
    await emitted("registered svc/one starting");
  });
});

describe("a watch for vanished instances", () => {
  test.each([
    ["one of two expired", [[1, 1]], [0]],
    ["two of three expired", [[2, 1]], [2]],
    ["two of four expired", [[2, 2]], [0]],
    [
      "two of two expired one after the other",
      [
        [1, 1],
        [1, 0],
      ],
      [0, 2],
    ],
    [
      "the fourth of four expired later",
      [
        [3, 1],
        [1, 0],
      ],
      [3, 4],
    ],
  ] as const)("counts them as soon as they are the most: %s", (_what, steps, expected) => {
    const vanish = new VanishWatch(15_000);
    const counts = steps.map(([ended, remaining], now) => {
      vanish.note({ ended, remaining, now });
      return vanish.vanished;
    });
    expect(counts).toEqual(expected);
  });

  test("forgets them when the window has passed", () => {
    const vanish = new VanishWatch(100);
    vanish.note({ ended: 3, remaining: 1, now: 0 });
    vanish.note({ ended: 0, remaining: 1, now: 200 });
    expect(vanish.vanished).toBe(0);
  });
});

test("an error of the registry is not wrapped again", async () => {
  const error = await unreadable(redis.witness, new Error("no such thing"));
  expect(error).toMatchObject({ code: "SG_ERR_REGISTRY", message: "The registry cannot be read: no such thing." });
  expect(await unreadable(redis.witness, error)).toBe(error);
});

test("F69: a watch whose signal has aborted ends in a later turn of the event loop", async () => {
  const ended = async () => {
    const watched = watchRegistry({
      redis: writing,
      registry: new Registry(writing),
      serviceName: undefined,
      signal: AbortSignal.abort(),
    });
    for await (const { type } of watched) expect(type).toBe("nothing");
    throw new Error("the watch has ended");
  };
  expect(await turnsBetween(ended)).toBe(true);
});
