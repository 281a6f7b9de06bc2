/** What a reader of the registry lists, what it leaves out, and what it reports of that. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { entryText } from "../../src/registry/entry.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { listServices } from "../../src/registry/reading.ts";
import type { RegistryEvent } from "../../src/registry/registry.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { registryEntry as entry } from "../kit/registry-entry.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
const keys = registryKeys({ isCluster: false });
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

/** Writes an entry whose lease ends at `ends`. */
const put = async (instance: string, { service = "svc", ends = 9e15, version = "1.0.0" } = {}): Promise<void> => {
  await redis.witness.sadd(keys.services, service);
  await redis.witness.set(keys.service(service, instance), entryText({ ...entry, service, instance, version }));
  await redis.witness.zadd(keys.index(service), ends, instance);
};
/** A registry, and the keys that it has reported. */
const reader = () => {
  const skipped: string[] = [];
  const registry = new Registry(redis.witness, { onSkipped: (key) => skipped.push(key) });
  const listed = async (service?: string) => (await registry.list(service)).map((each) => `${each.service}/${each.instance}`);
  return { registry, skipped, listed };
};
const tooLong = { service: "s".repeat(65), instance: "i".repeat(129) };
const beyondBytes = "n".repeat(385);

describe("a listing", () => {
  test("has the instances in order, whatever the ends of their leases", async () => {
    await put("a", { ends: 9e15 });
    await put("b", { ends: 8e15 });
    await put("c", { ends: 7e15 });
    expect(await reader().listed("svc")).toEqual(["svc/a", "svc/b", "svc/c"]);
  });

  test.each(["a:b", tooLong.service])("of all leaves out and reports a service whose name is %s", async (service) => {
    await put("one");
    await put("one", { service });
    const { listed, skipped } = reader();
    expect(await listed()).toEqual(["svc/one"]);
    expect(skipped).toEqual([keys.index(service)]);
  });

  test("of one service whose name cannot be one is empty and reports nothing", async () => {
    await put("one", { service: "a:b" });
    const { listed, skipped } = reader();
    expect([await listed("a:b"), skipped]).toEqual([[], []]);
  });

  test("reports the list of services where that has a name beyond 384 bytes", async () => {
    await put("one");
    await redis.witness.sadd(keys.services, beyondBytes);
    const { listed, skipped } = reader();
    expect(await listed()).toEqual(["svc/one"]);
    expect(skipped).toEqual([keys.services]);
  });

  test.each(["a:b", tooLong.instance])("leaves out and reports an instance whose name is %s", async (instance) => {
    await put("one");
    await put(instance);
    const { listed, skipped } = reader();
    expect(await listed()).toEqual(["svc/one"]);
    expect(skipped).toEqual([keys.service("svc", instance)]);
  });

  test("has every service in order, however many there are", async () => {
    const services = Array.from({ length: 20 }, (_, at) => `svc${String(at).padStart(2, "0")}`);
    await Promise.all(services.map((service) => put("one", { service })));
    expect(await reader().listed()).toEqual(services.map((service) => `${service}/one`));
  });

  test("has a service of more than 1 MiB in order, and what is too large in it hides only itself", async () => {
    const version = "v".repeat(7000);
    const all = Array.from({ length: 700 }, (_, at) => `i${String(at).padStart(3, "0")}`);
    await Promise.all(all.map((instance, at) => put(instance, { ends: 9e15 - at, version })));
    const large = all.filter((_, at) => at % 100 === 50);
    for (const instance of large) await redis.witness.set(keys.service("svc", instance), "x".repeat(8193));
    const { listed, skipped } = reader();
    expect(await listed()).toEqual(all.filter((instance) => !large.includes(instance)).map((instance) => `svc/${instance}`));
    expect(skipped.sort()).toEqual(large.map((instance) => keys.service("svc", instance)));
  });

  test("reads each entry once, in the step that measures it", async () => {
    await Promise.all(["a", "b", "c"].flatMap((instance) => [put(instance), put(instance, { service: "other" })]));
    await redis.witness.config("RESETSTAT");
    await reader().listed();
    const stats = await redis.witness.info("commandstats");
    expect([...stats.matchAll(/cmdstat_(\w*get\w*):calls=(\d+)/g)].map(([, command, calls]) => [command, calls])).toEqual([
      ["getrange", "6"],
    ]);
  });

  test("reports the index where that has a name beyond 384 bytes", async () => {
    await put("one");
    await redis.witness.zadd(keys.index("svc"), 9e15, beyondBytes);
    const { listed, skipped } = reader();
    expect(await listed()).toEqual(["svc/one"]);
    expect(skipped).toEqual([keys.index("svc")]);
  });
});

describe("what is left out", () => {
  /** Adds names that are none. */
  const addForeign = (from: number, to: number) =>
    redis.witness.zadd(
      keys.index("svc"),
      ...Array.from({ length: to - from }, (_, at) => [9e15, `a:${String(from + at).padStart(4, "0")}`]).flat(),
    );

  test("is reported once a key, of the last 1000 keys", async () => {
    await put("one");
    await addForeign(0, 1000);
    const { listed, skipped } = reader();
    await listed("svc");
    await listed("svc");
    expect(skipped).toHaveLength(1000);
    await addForeign(1000, 1001);
    await listed("svc");
    expect(skipped).toHaveLength(1001);
    await listed("svc");
    expect(skipped.slice(1001)).toContain(keys.service("svc", "a:0000"));
  });

  test("is a warning of the process where onSkipped throws, and the list goes on", async () => {
    await put("one");
    await addForeign(0, 2);
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const onSkipped = () => {
      throw new Error("no room");
    };
    expect(await new Registry(redis.witness, { onSkipped }).list()).toMatchObject([{ instance: "one" }]);
    expect(warn.mock.calls).toEqual(Array(2).fill(["onSkipped threw: no room", "StargazerWarning"]));
    warn.mockRestore();
  });
});

test("the services are those that have an index and a name", async () => {
  await redis.witness.sadd(keys.services, "svc", "a:b", tooLong.service, beyondBytes);
  expect(await listServices(redis.witness)).toEqual(["svc"]);
});

test("entries are read in the order of their names, without those that have none", async () => {
  await put("one");
  await put("two");
  await redis.witness.set(keys.service("svc", "large"), "x".repeat(8193));
  const { registry, skipped } = reader();
  const names = ["two", "absent", "large", "one"].map((instance) => ({ service: "svc", instance }));
  expect((await registry.read(names)).map(({ instance }) => instance)).toEqual(["two", "one"]);
  expect(skipped).toEqual([keys.service("svc", "large")]);
});

describe("a watch", () => {
  test("emits what is there first, and ends where its loop is left", async () => {
    await put("one");
    const seen: RegistryEvent[] = [];
    for await (const event of new Registry(redis.witness).watch()) {
      seen.push(event);
      if (event.type === "synced") break;
    }
    expect(seen).toMatchObject([{ type: "registered", entry: { service: "svc", instance: "one" } }, { type: "synced" }]);
  });

  test("of one service emits that service alone, and ends with its signal", async () => {
    await put("one");
    await put("one", { service: "other" });
    const ending = new AbortController();
    const seen: RegistryEvent[] = [];
    const ended = (async () => {
      for await (const event of new Registry(redis.witness).watch("other", { signal: ending.signal })) seen.push(event);
    })();
    await eventually("synced", () => seen.some(({ type }) => type === "synced"));
    ending.abort();
    await ended;
    expect(seen).toMatchObject([{ type: "registered", entry: { service: "other" } }, { type: "synced" }]);
  });
});
