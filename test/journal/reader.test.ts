/** Reading the journal and the counts of stops, beside what others may write to them; and what the reaper adds, once. */
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readLeaseEnds } from "../../src/instances/lease-ends.ts";
import { readEnds } from "../../src/journal/ends.ts";
import type { JournalEntry } from "../../src/journal/entry.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import { wireFields, wireItems } from "../../src/journal/wire.ts";
import { openRegistryConnection } from "../../src/redis/connection.ts";
import { runScript } from "../../src/redis/script.ts";
import { endingPlace } from "../../src/registry/ends.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { Registration } from "../../src/registry/registration.ts";
import { Registry } from "../../src/registry/registry.ts";
import { reapScript } from "../../src/registry/scripts.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
const endings: (() => unknown)[] = [];
const keys = registryKeys({ isCluster: false });
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
  await redis.witness.flushall();
});
afterAll(() => redis.stop());

const signal = () => AbortSignal.timeout(deadlines.fact);
const author = { service: "orders", instance: "orders-1", incarnation: 1, boot: "ab", version: "3.1.0" };
const write = (count: number): Promise<string | null> => {
  const [items] = wireItems([{ kind: "lost", at: 0, count }], 0) as [string];
  return redis.witness.xadd(keys.journal, "*", ...wireFields(author, items));
};
const countsOf = (entries: readonly JournalEntry[]): number[] =>
  entries.flatMap(({ items }) => items.flatMap((item) => (item.kind === "lost" ? [item.count] : [])));
const backwards = (limit: number) =>
  new JournalReader(redis.witness).backwards({ limit, sinceMs: deadlines.long, signal: signal() });

describe("the journal", () => {
  it("is read backwards, oldest first, over the bounds of one reply", async () => {
    for (let at = 0; at < 1203; at += 1) await write(at);
    expect(countsOf(await backwards(5000))).toEqual(Array.from({ length: 1203 }, (_, at) => at));
    expect(countsOf(await backwards(3))).toEqual([1200, 1201, 1202]);
  });

  it("without a message is empty, and its end is before every id", async () => {
    expect(await backwards(10)).toEqual([]);
    expect(await new JournalReader(redis.witness).end({ signal: signal() })).toBe("0-0");
  });

  it("is followed from an id on, and the reader leaves no connection behind its signal", async () => {
    const reader = new JournalReader(redis.witness);
    await write(1);
    const ending = new AbortController();
    const seen: number[] = [];
    const after = await reader.end({ signal: signal() });
    const followed = reader.follow({
      after,
      signal: ending.signal,
      onEntries: (entries) => void seen.push(...countsOf(entries)),
    });
    await write(2);
    await write(3);
    await eventually("both", () => seen.length === 2);
    ending.abort();
    await followed;
    expect(seen).toEqual([2, 3]);
    await eventually(
      "no other connection",
      async () =>
        String(await redis.witness.client("LIST"))
          .trim()
          .split("\n").length === 1,
    );
  });

  it("with messages that no instance writes has each of the others", async () => {
    await write(1);
    await redis.witness.xadd(keys.journal, "*", "service", "orders", "instance", "a:b", "items", "[]");
    await redis.witness.xadd(keys.journal, "*", ...wireFields(author, "x".repeat(500_000)));
    await redis.witness.xadd(keys.journal, "*", ...wireFields(author, '[["step",0,"starting"]]'));
    await redis.witness.xadd(keys.journal, "*", ...Array(200).fill("x"));
    await write(2);
    expect(countsOf(await backwards(100))).toEqual([1, 2]);
  });
});

const place = (version: string) => endingPlace("ab12", "orders", version);

describe("the counts of stops", () => {
  it("have a boot whose last message is overdue as expired, once", async () => {
    await redis.witness.zadd(keys.ending, 1, place('3.1.0 "next"'), Date.now() * 2, place("later"));
    const once = [{ service: "orders", version: '3.1.0 "next"', outcome: "expired", count: 1 }];
    expect(await Promise.all([readEnds(redis.witness), readEnds(redis.witness)])).toEqual([once, once]);
    expect(await redis.witness.zcard(keys.ending)).toBe(1);
  });

  it("leave out what no instance writes", async () => {
    await redis.witness.hset(keys.ends, {
      ...{ '["orders","3.1.0","shutdown"]': "2", '["orders","3.1.0","won"]': "1", '["a:b","1","failed"]': "1", "no JSON": "1" },
      ...{ '["orders","3.1.0","failed"]': "many", [`["orders","${"x".repeat(3000)}","failed"]`]: "1" },
    });
    expect(await readEnds(redis.witness)).toEqual([{ service: "orders", version: "3.1.0", outcome: "shutdown", count: 2 }]);
  });
});

const part = { version: "3/1", ending: () => "[]", endingLost: () => {}, endsWithinMs: 1, turnOff: () => {} };

it("a delete of the entry that Redis refuses counts its message as lost", async () => {
  const connection = openRegistryConnection(redis.witness);
  endings.push(() => connection.disconnect());
  let lost = 0;
  const registration = new Registration({
    ...{ redis: connection, service: "orders", instance: "refused", leaseTtlMs: 15_000, boot: "ab12" },
    describe: () => ({ host: "here", pid: 1, version: "3/1", uptimeMs: 5, health: null, metadata: {} }),
    journal: () => ({ ...part, endingLost: () => void (lost += 1) }),
  });
  await registration.register({ status: "running", changed: true }, { signal: signal() });
  await redis.witness.set(keys.index("orders"), "no set");
  await expect(registration.deregister({ signal: signal() })).rejects.toThrow();
  expect(lost).toBe(1);
});

describe("an instance whose lease ends", () => {
  const register = async (instance: string, hasJournal: boolean): Promise<void> => {
    const connection = openRegistryConnection(redis.witness);
    endings.push(() => connection.disconnect());
    const registration = new Registration({
      ...{ redis: connection, service: "orders", instance, leaseTtlMs: 15_000, boot: "ab12" },
      describe: () => ({ host: "here", pid: 1, version: "3/1", uptimeMs: 5, health: null, metadata: {} }),
      ...(hasJournal && { journal: () => part }),
    });
    await registration.register({ status: "starting", changed: true }, { signal: signal() });
    // as that of a process that was killed a TTL and a second ago
    await redis.witness
      .multi()
      .del(keys.service("orders", instance))
      .zadd(keys.index("orders"), Date.now() - 1000, instance)
      .exec();
  };

  it("is in the journal and counted once, with state and release, however many readers there are, and is forgotten then", async () => {
    await register("orders-1", true);
    await register("without-journal", false);
    const ending = new AbortController();
    const readers = Array.from({ length: 3 }, async () => {
      for await (const event of new Registry(redis.witness).watch("orders", { signal: ending.signal })) void event;
    });
    await eventually("an empty index", async () => (await redis.witness.zcard(keys.index("orders"))) === 0);
    ending.abort();
    await Promise.all(readers);
    const entries = await backwards(100);
    expect(entries).toMatchObject([
      {
        service: "orders",
        instance: "orders-1",
        boot: "ab12",
        version: "3/1",
        items: [{ kind: "expired", state: "starting", version: "3/1" }],
      },
    ]);
    expect(await readEnds(redis.witness)).toEqual([{ service: "orders", version: "3/1", outcome: "expired", count: 1 }]);
    expect(await redis.witness.exists(keys.known("orders"))).toBe(0);
  });

  it("is reaped by a watch of all services that begins when no instance lives, as of the time at which the lease ended", async () => {
    await register("orders-1", true);
    await redis.witness.zadd(keys.index("orders"), Date.UTC(2001, 5), "orders-1");
    const ending = new AbortController();
    const reading = (async () => {
      for await (const event of new Registry(redis.witness).watch(undefined, { signal: ending.signal })) void event;
    })();
    await eventually("an empty index", async () => (await redis.witness.zcard(keys.index("orders"))) === 0);
    ending.abort();
    await reading;
    const [item] = (await backwards(100))[0]!.items;
    expect(item).toMatchObject({ kind: "expired", state: "starting" });
    expect(new Date(item!.at).getUTCFullYear()).toBe(2001);
  });

  it.each([
    ["use its keys", ["+@all", "~sg:registry:*"]],
    ["run one of its commands", ["+@all", "-hincrby", "~sg:*"]],
  ])("is published by a reader that may not %s, and is counted by the next one that may", async (_, rules) => {
    await register("orders-1", true);
    const leaseEnd = Number(await redis.witness.zscore(keys.index("orders"), "orders-1"));
    await redis.witness.acl("SETUSER", "reader", "reset", "on", ">pw", "&*", ...rules);
    const client = redis.witness.duplicate({ username: "reader", password: "pw" });
    endings.push(() => client.disconnect());
    const published = async () => JSON.stringify(await redis.witness.xrange(keys.events, "-", "+")).split('"expired"').length - 1;
    const watchUntil = async (reader: Redis, what: string, isSo: () => Promise<boolean>): Promise<void> => {
      const ending = new AbortController();
      const reading = (async () => {
        for await (const event of new Registry(reader).watch("orders", { signal: ending.signal })) void event;
      })();
      await eventually(what, isSo);
      ending.abort();
      await reading;
    };
    await watchUntil(client, "the event", async () => (await published()) === 1);
    expect(await readEnds(redis.witness)).toEqual([]);
    expect(await redis.witness.zrange(keys.index("orders"), "0", "+inf", "BYSCORE")).toEqual([]);
    const ends = await readLeaseEnds(redis.witness, { services: ["orders"], from: "-inf", to: "+inf", signal: signal() });
    expect(ends).toEqual(new Map([["orders:orders-1", leaseEnd]]));
    await watchUntil(redis.witness, "an empty index", async () => (await redis.witness.zcard(keys.index("orders"))) === 0);
    expect(await readEnds(redis.witness)).toEqual([{ service: "orders", version: "3/1", outcome: "expired", count: 1 }]);
    expect(await published()).toBe(1);
    expect((await backwards(100))[0]!.items).toMatchObject([{ kind: "expired", state: "starting" }]);
  });

  it("is left by readers that may not count it for a day at most", async () => {
    await register("orders-1", true);
    await redis.witness.zadd(keys.index("orders"), Date.UTC(2001, 5), "orders-1");
    const { services, events } = keys;
    const own = [keys.index("orders"), services, events, keys.service("orders", "")];
    const reap = () => runScript(redis.witness, reapScript, { keys: own, args: ["orders", 100] });
    expect(await reap()).toBe(0);
  });
});
