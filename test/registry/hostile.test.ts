/** F52: entries, names and events that no registry writes. What is refused hides only itself, and is not brought over. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openRedis } from "../../src/redis/connection.ts";
import { entryText, parseEntry } from "../../src/registry/entry.ts";
import { streamEvent } from "../../src/registry/events.ts";
import { registryKeys } from "../../src/registry/keys.ts";
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

const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const withMetadata = (json: string, instance: string) =>
  JSON.stringify({ ...entry, instance }).replace('"metadata":{}', `"metadata":${json}`);
const far = 9e15;

const put = async (instance: string, text: string | Buffer, service = "svc"): Promise<void> => {
  await redis.witness.sadd(keys.services, service);
  await redis.witness.set(keys.service(service, instance), text);
  await redis.witness.zadd(keys.index(service), far, instance);
};
/** Bytes that Redis has sent. */
const sent = async (): Promise<number> => Number(/total_net_output_bytes:(\d+)/.exec(await redis.witness.info("stats"))?.[1]);

const hostile: Readonly<Record<string, (instance: string) => string | Buffer>> = {
  huge: (instance) => withMetadata(`{"x":"${"x".repeat(20_000_000)}"}`, instance),
  deep: (instance) => withMetadata(`{"x":${nested(10_000)}}`, instance),
  "deep-and-short": (instance) => withMetadata(`{"x":${nested(40)}}`, instance),
  proto: (instance) => withMetadata('{"__proto__":{"isAdmin":true}}', instance),
  "no-json": () => "no json",
  list: () => "[]",
  bytes: () => Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  types: (instance) => JSON.stringify({ ...entry, instance, pid: "3", host: 7 }),
  late: (instance) => JSON.stringify({ ...entry, instance, since: 9e15 }),
  port: (instance) => JSON.stringify({ ...entry, instance, health: { host: "h", port: "9090" } }),
};

describe("F52: hostile entries", () => {
  const plant = async (): Promise<void> => {
    await put("one", entryText({ ...entry }));
    for (const [name, text] of Object.entries(hostile)) await put(name, text(name));
    await redis.witness.zadd(keys.index("svc"), far, "n".repeat(1_000_000), far, "a:b", far, "\u001b]0;title\u0007");
    await redis.witness.sadd(keys.services, "s".repeat(1_000_000), "a:b", "\u001b[2J", "__proto__");
    await put("one", entryText({ ...entry, service: "constructor" }), "constructor");
  };

  test("hide none but themselves, are named to onSkipped, and less than 64 KB of them are brought over", async () => {
    await plant();
    const skipped: string[] = [];
    const registry = new Registry(redis.witness, { onSkipped: (key) => skipped.push(key) });
    const before = await sent();
    const listed = await registry.list();
    expect(await sent()).toBeLessThan(before + 65_536);
    expect(listed.map(({ service, instance }) => `${service}/${instance}`)).toEqual(["constructor/one", "svc/one"]);
    const named = Object.keys(hostile).map((name) => keys.service("svc", name));
    expect(skipped).toEqual(expect.arrayContaining([...named, keys.index("svc"), keys.index("a:b"), keys.services]));
    expect(Math.max(...skipped.map((key) => key.length))).toBeLessThan(1000);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  test("that an event names are not brought over, and the watch goes on", async () => {
    await plant();
    const seen: RegistryEvent[] = [];
    const ending = new AbortController();
    const reader = openRedis(redis.url);
    const { signal } = ending;
    const watching = (async () => {
      for await (const event of new Registry(reader).watch(undefined, { signal })) seen.push(event);
    })();
    await eventually("synced", () => seen.some(({ type }) => type === "synced"));
    const before = await sent();
    const event = (instance: string, fields: readonly (string | Buffer)[] = []) => [
      ...["type", "registered", "service", "svc", "instance", instance, "incarnation", "42", "boot", "00ff"],
      ...["status", "running", "since", "2", ...fields],
    ];
    const write = (fields: readonly (string | Buffer)[]) => redis.witness.xadd(keys.events, "*", ...fields);
    for (const name of Object.keys(hostile)) await write(event(name));
    await write(["type", "registered"]);
    await write(event("n".repeat(10_000)));
    await write(
      event(
        "one",
        Array.from({ length: 100 }, (_, at) => String(at)),
      ),
    );
    await write(event("one").with(11, "\u001b[2J"));
    await put("two", entryText({ ...entry, instance: "two" }));
    await write(event("two"));
    await eventually("the honest one", () => seen.some((each) => "entry" in each && each.entry.instance === "two"));
    expect(seen.flatMap((each) => ("entry" in each ? [each.entry.instance] : []))).toEqual(["one", "one", "two"]);
    expect(await sent()).toBeLessThan(before + 262_144);
    ending.abort();
    await watching;
    reader.disconnect();
  });
});

describe("F52: the writer is bound as the reader is", () => {
  const name = { service: "svc", instance: "one" };
  const text = (metadata: Record<string, unknown>, more = {}) => entryText({ ...entry, ...more, metadata });

  test("32 levels of metadata are written and read, 33 are neither", () => {
    const levels = (count: number) => ({ x: JSON.parse(nested(count - 1)) });
    expect(parseEntry(text(levels(32)), name)).toBeDefined();
    expect(() => text(levels(33))).toThrow("at most 32 levels");
    expect(parseEntry(withMetadata(JSON.stringify(levels(33)), "one"), name)).toBeUndefined();
  });

  test("a key __proto__ and an entry beyond 8192 bytes are neither written nor read", () => {
    expect(() => text(JSON.parse('{"__proto__":1}'))).toThrow("no key __proto__");
    const version = "v".repeat(8000);
    expect(() => text({}, { version })).toThrow("must be at most 8192 bytes");
    expect(parseEntry(JSON.stringify({ ...entry, version }), name)).toBeUndefined();
  });
});

describe("F52: a message of the event stream", () => {
  const message = (change: Record<string, string>) =>
    Object.entries({
      type: "updated",
      service: "svc",
      instance: "one",
      incarnation: "1",
      boot: "00",
      status: "running",
      ...change,
    })
      .concat(Object.hasOwn(change, "since") ? [] : [["since", "2"]])
      .flat()
      .map((field) => Buffer.from(field));

  test("is read where a registry wrote it", () => {
    expect(streamEvent(message({}))).toMatchObject({ type: "updated", instance: "one", status: "running", since: 2 });
    expect(streamEvent(message({ type: "expired", status: "", since: "" }))).toMatchObject({ type: "expired" });
  });

  test.each<Record<string, string>>([
    { service: "" },
    { service: "a:b" },
    { instance: "\u001b[2J" },
    { instance: "x".repeat(129) },
    { boot: "x".repeat(513) },
    { status: "flying" },
    { since: "soon" },
    { since: "9e15" },
  ])("with %j is refused", (change) => {
    expect(streamEvent(message(change))).toBeUndefined();
  });
});
