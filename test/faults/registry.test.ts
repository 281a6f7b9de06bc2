/** F20 to F23 and F25: the entry of a service in the wild, ghosts, twins. */
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import type { RegistryEntry } from "../../src/index.ts";
import { Registry } from "../../src/index.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import type { RegistryEvent } from "../../src/registry/events.ts";
import { TestRedis as BrittleRedis } from "../../src/testing/test-redis.ts";
import { fault, readable } from "../kit/fault.ts";
import { ask } from "../kit/http-client.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { recordScripts, replay } from "../kit/replay.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
const endings: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  await endPrograms();
  for (const end of endings.splice(0).reverse()) await end();
  proxy.mode = "pass";
  proxy.beforeUp = undefined;
  proxy.afterDown = undefined;
  await redis.witness.flushall();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

const heartbeatMs = 200;
const leaseTtlMs = 800;
/** of a beat */
const writeTimeoutMs = 2000;
const instanceId = "one";
const service = (options: object = {}, url = redis.url, test: object = {}) =>
  new Program("service.mjs", {
    env: { SG_TEST: JSON.stringify({ ...test, options: { instanceId, heartbeatMs, leaseTtlMs, ...options } }), REDIS_URL: url },
  });
const key = `sg:registry:service:fixture:${instanceId}`;
const entry = async (client = redis.witness): Promise<RegistryEntry | undefined> => {
  const text = await client.get(key);
  return text === null ? undefined : JSON.parse(text);
};
const running = async (client = redis.witness): Promise<RegistryEntry> => {
  const found = await eventually("an entry with status running", async () => {
    const seen = await entry(client);
    return seen?.status === "running" ? seen : undefined;
  });
  return found!;
};
const logged = (program: Program, type: string) => program.line(type, (line) => line.type === type);
const typesOf = ({ lines }: Program) =>
  lines.map(({ type }) => type).filter((type) => ["lease.suspect", "lease.lost", "lease.regained"].includes(type ?? ""));

const comesBack = async (program: Program, before: RegistryEntry, since: number): Promise<string> => {
  await logged(program, "lease.regained");
  const after = await running();
  const ms = performance.now() - since;
  expect(after).toMatchObject({ incarnation: before.incarnation, pid: program.pid, startedAt: before.startedAt });
  expect(typesOf(program)).toEqual(expect.arrayContaining(["lease.lost", "lease.regained"]));
  return `${typesOf(program).join(", ")}; written again under the same incarnation within ${readable(ms)} (a beat is ${readable(heartbeatMs)})`;
};

for (const [what, act] of [
  ["FLUSHALL", () => redis.witness.flushall()],
  ["the key deleted", () => redis.witness.del(key)],
  ["the key holds something else", () => redis.witness.set(key, "not ours")],
] as const) {
  fault("F20", what, async (happened) => {
    const program = service();
    const before = await running();
    const since = performance.now();
    await act();
    happened(await comesBack(program, before, since));
  });
}

fault("F20", "paused longer than its TTL", async (happened) => {
  const program = service();
  const before = await running();
  program.signal("SIGSTOP");
  await eventually("the entry expires", async () => (await entry()) === undefined);
  const since = performance.now();
  program.signal("SIGCONT");
  happened(await comesBack(program, before, since));
});

fault("F20", "Redis killed and started empty", async (happened) => {
  const brittle = await BrittleRedis.start();
  endings.push(() => brittle.stop());
  const program = service({}, brittle.url);
  const before = await brittle.ask((client) => running(client));
  await brittle.kill();
  await logged(program, "lease.suspect");
  await brittle.restart();
  const since = performance.now();
  const after = await brittle.ask((client) => running(client));
  expect(after).toMatchObject({ pid: before.pid, incarnation: before.incarnation });
  happened(`${typesOf(program).join(", ")}; back ${readable(performance.now() - since)} after the empty one was up`);
});

/** A service of the id, through the proxy, until it has registered, beaten and been killed; and all that it wrote. */
const recordedLife = async (how: NodeJS.Signals): Promise<Buffer[]> => {
  const chunks = recordScripts(proxy);
  const program = service({ leaseTtlMs: 600_000 }, proxy.through(redis.url));
  await running();
  const { length } = chunks;
  await eventually("three beats", () => chunks.length > length + 3);
  program.signal(how);
  await program.ended;
  proxy.beforeUp = undefined;
  return chunks;
};

fault("F21", "replayed while a newer one holds the entry", async (happened) => {
  const late = await recordedLife("SIGTERM");
  const program = service({ heartbeatMs: 60_000, leaseTtlMs: 180_000 });
  await running();
  const before = await redis.witness.get(key);
  await redis.witness.persist(key);
  const answers = await replay(redis, late);
  expect(await redis.witness.get(key)).toBe(before);
  expect(await redis.witness.pttl(key)).toBe(-1);
  expect(answers).toContain("superseded");
  expect(typesOf(program)).toEqual([]);
  happened(`${late.length} writes of the older (register, updates, beats, delete) changed neither entry nor TTL`);
});

fault("F21", "replayed when there is no entry", async (happened) => {
  const late = await recordedLife("SIGTERM");
  expect(await entry()).toBeUndefined();
  const answers = await replay(redis, late);
  expect(await entry()).toBeUndefined();
  expect(await redis.witness.zcard("sg:registry:idx:fixture")).toBe(0);
  expect(answers).toContain("released");
  happened(`${late.length} writes after its own delete brought nothing back`);
});

fault("F21", "beats replayed after a flush", async (happened) => {
  const late = (await recordedLife("SIGKILL")).filter((chunk) => chunk.toString("latin1").includes("evalsha"));
  await redis.witness.flushall();
  const answers = await replay(redis, late);
  expect(await redis.witness.exists(key)).toBe(0);
  happened(`${late.length} beats created nothing (${answers.includes("gone") ? "gone" : "refused"})`);
});

const healthPort = async (): Promise<number> =>
  (await eventually("its health address", async () => (await entry())?.health))!.port;

fault("F22", "an answer takes three times a heartbeat", async (happened) => {
  // without the health server no other command is sent meanwhile
  const program = service({ leaseTtlMs: 10_000, useHealthServer: false }, proxy.through(redis.url));
  await running();
  await eventually("a beat is answered", () => proxy.open > 0);
  const ways: ("beat" | "reply")[] = [];
  proxy.delayMs = 300;
  proxy.mode = "slow";
  proxy.beforeUp = (chunk) => {
    if (/evalsha/i.test(chunk.toString("latin1"))) ways.push("beat");
    return undefined;
  };
  proxy.afterDown = () => void ways.push("reply");
  await eventually("five beats", () => ways.filter((way) => way === "beat").length >= 5);
  const overlaps = ways.filter((way, at) => way === "beat" && ways[at - 1] === "beat").length;
  // a beat that the machine has made so late that it was given up may be followed by the next one
  expect(overlaps > 0 && !typesOf(program).includes("lease.suspect"), ways.join()).toBe(false);
  happened(`heartbeat ${readable(heartbeatMs)}, answers after ${readable(2 * proxy.delayMs)}: ${ways.join(", ")}`);
});

fault("F22", "a half-open connection", async (happened) => {
  const program = service({}, proxy.through(redis.url));
  await running();
  const port = await healthPort();
  proxy.mode = "stall";
  const since = performance.now();
  await logged(program, "lease.suspect");
  const ms = performance.now() - since;
  const { data } = await ask(port, "/status");
  expect(data.lease).toMatchObject({ state: expect.stringMatching(/^(suspect|lost)/), trouble: expect.stringMatching(/./) });
  expect(data.lease.missed).toBeGreaterThan(0);
  const ready = await eventually("readiness falls", async () => {
    const answer = await ask(port, "/readyz");
    return answer.status === 503 ? answer : undefined;
  });
  expect((await ask(port, "/healthz")).status).toBe(200);
  proxy.mode = "pass";
  proxy.cut();
  await running();
  await eventually("ready again", async () => (await ask(port, "/readyz")).status === 200);
  happened(
    `suspect after ${readable(ms)}; /status: missed ${data.lease.missed}; /readyz 503 (${ready!.data.reason}), /healthz 200; then well again`,
  );
});

/** Follows the registry until the test is over. */
const follow = async (): Promise<RegistryEvent[]> => {
  const events: RegistryEvent[] = [];
  const ending = new AbortController();
  const client = openRedis(redis.url);
  await client.connect();
  const watching = (async () => {
    for await (const event of new Registry(client).watch("fixture", { signal: ending.signal })) events.push(event);
  })();
  endings.push(async () => {
    ending.abort();
    await watching;
    await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  });
  await eventually("the watch has begun", () => events.some(({ type }) => type === "synced"));
  return events;
};

fault("F23", "SIGKILL", async (happened) => {
  const program = service();
  await running();
  const events = await follow();
  const since = performance.now();
  program.signal("SIGKILL");
  await eventually("no key", async () => (await redis.witness.exists(key)) === 0);
  const ms = performance.now() - since;
  await eventually("the watcher's event", () => events.some(({ type }) => type === "expired"));
  const watchedMs = performance.now() - since;
  expect(await new Registry(redis.witness).list("fixture")).toEqual([]);
  happened(
    `TTL ${readable(leaseTtlMs)}: the entry was gone after ${readable(ms)}, a watcher had it after ${readable(watchedMs)}`,
  );
});

fault("F23", "five of six at once", async (happened) => {
  const survivor = service({ leaseTtlMs: 600_000 });
  const five = service({ instanceId: undefined }, redis.url, { count: 5 });
  const registry = new Registry(redis.witness);
  await eventually("six", async () => (await registry.list("fixture")).filter(({ status }) => status === "running").length === 6);
  const events = await follow();
  five.signal("SIGKILL");
  const expired = () => new Set(events.flatMap((event) => (event.type === "expired" ? [event.entry.instance] : [])));
  await eventually("five events", () => expired().size === 5);
  const types = events.map(({ type }) => type);
  const { message } = events.find(({ type }) => type === "stale") as RegistryEvent & { type: "stale" };
  expect(types.slice(0, types.indexOf("stale")).filter((type) => type === "expired").length).toBeLessThan(4);
  expect(survivor.child.exitCode).toBeNull();
  happened(`"${message}"`);
});

fault("F23", "Redis away", async (happened) => {
  const brittle = await BrittleRedis.start();
  const client = openRedis(brittle.url);
  endings.push(
    () => brittle.stop(),
    () => closeRedis(client, { signal: AbortSignal.timeout(1000) }),
  );
  await client.connect();
  await brittle.kill();
  const error = await new Registry(client).list("fixture").catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "SG_ERR_REGISTRY" });
  happened(`a listing rejects, "${(error as Error).message}"; it is never an empty list`);
});

fault("F25", "two processes", async (happened) => {
  const older = service({ instanceId: "one" });
  await running();
  const newer = service({ instanceId: "one" });
  await eventually("the newer is written", async () => (await entry())?.pid === newer.pid);
  const since = performance.now();
  await logged(older, "lease.superseded");
  const ms = performance.now() - since;
  expect(await older.ended, older.errors).toMatchObject({ code: 1 });
  expect(older.report).toMatchObject({ outcome: "failed", reason: "superseded", error: { code: "SG_ERR_SUPERSEDED" } });
  expect((older.report!.error as Error).message).toContain(`pid ${newer.pid} on`);
  expect(await running()).toMatchObject({ pid: newer.pid });
  newer.signal("SIGTERM");
  expect(await newer.ended).toMatchObject({ code: 0 });
  happened(
    `the older one knew after ${readable(ms)} (at most ${readable(heartbeatMs * 1.1 + writeTimeoutMs)}), stopped itself, exit 1, naming pid ${newer.pid}`,
  );
});

fault("F25", "the older was paused meanwhile", async (happened) => {
  const older = service({ instanceId: "one" });
  await running();
  older.signal("SIGSTOP");
  const newer = service({ instanceId: "one" });
  await eventually("the newer is written", async () => (await entry())?.pid === newer.pid);
  older.signal("SIGCONT");
  const ending = await older.ended;
  expect(ending).toMatchObject({ code: 1 });
  expect(older.report).toMatchObject({ reason: "superseded" });
  expect(await running()).toMatchObject({ pid: newer.pid });
  happened(`it woke, and was gone ${readable(ending.ms)} later, exit 1; the newer one holds the entry`);
});
