/** What a boot's writes have beside the entry: its id, the gate before the first of them, and the journal's part. */
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { closeRedis, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import type { JournalPart, RegistrationOptions } from "../../src/registry/registration.ts";
import { Registration } from "../../src/registry/registration.ts";
import { deadlines } from "../kit/deadlines.ts";
import { hourMs } from "../kit/hours.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
const opened: Redis[] = [];
const keys = registryKeys({ isCluster: false });
const entryKey = keys.service("svc", "one");
const signal = () => AbortSignal.timeout(deadlines.fact);

beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal: signal() })));
  await redis.witness.flushall();
});
afterAll(() => redis.stop());

const boot = (own: Partial<RegistrationOptions> = {}, url = redis.url): Registration => {
  const client = openRegistryConnection(openRedis(url)) as Redis;
  opened.push(client);
  return new Registration({
    redis: client,
    service: "svc",
    instance: "one",
    leaseTtlMs: hourMs,
    describe: () => ({ host: "here", pid: 1, version: "3.0.0", uptimeMs: 5, health: null, metadata: {} }),
    ...own,
  });
};
const register = (registration: Registration) =>
  registration.register({ status: "starting", changed: true }, { signal: signal() });
const update = (registration: Registration) => registration.renew({ status: "running", changed: true }, { signal: signal() });
const stored = async () => JSON.parse((await redis.witness.get(entryKey)) ?? "null");

/** The journal's part, and what was called of it. */
const journalPart = () => {
  const called: string[] = [];
  const part: JournalPart = {
    version: "3.0.0",
    ending: () => '[["end"]]',
    endingLost: () => called.push("endingLost"),
    endsWithinMs: hourMs,
    turnOff: (reason) => called.push(`turnOff: ${reason}`),
  };
  return { called, journal: () => part };
};
/** The URL of a user with these rules. */
const userWith = async (...rules: string[]): Promise<string> => {
  await redis.witness.acl("SETUSER", "limited", "reset", "on", ">pw", "&*", "+@all", ...rules);
  const url = new URL(redis.url);
  [url.username, url.password] = ["limited", "pw"];
  return url.href;
};
const scriptRuns = async (): Promise<number> =>
  [...(await redis.witness.info("commandstats")).matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );

test("a boot has an id of its own, which is in its entry", async () => {
  const [one, two] = [boot(), boot()];
  expect(one.boot).toMatch(/^[0-9a-f]{16}$/);
  expect(two.boot).not.toBe(one.boot);
  await register(one);
  expect(await stored()).toMatchObject({ boot: one.boot });
});

describe("the gate", () => {
  test("is passed over the connection of the registry before the entry is written", async () => {
    const passed: unknown[] = [];
    const passGate = async (client: unknown) => void passed.push([client, await stored()]);
    await register(boot({ passGate }));
    expect(passed).toEqual([[opened[0], null]]);
    expect(await stored()).toMatchObject({ status: "starting" });
  });

  test("that refuses keeps the entry from being written", async () => {
    const passGate = () => Promise.reject(new Error("too old"));
    await expect(register(boot({ passGate }))).rejects.toMatchObject({
      code: "SG_ERR_REGISTRY",
      message: "cannot register svc/one: too old",
    });
    expect(await redis.witness.dbsize()).toBe(0);
  });
});

describe("the journal's part", () => {
  test("of a written entry is what is known of the boot, should its lease expire; of a beat it is nothing", async () => {
    const one = boot({ journal: journalPart().journal });
    await register(one);
    const known = () => redis.witness.hgetall(keys.known("svc"));
    expect(await known()).toEqual({ one: JSON.stringify(["starting", one.boot, "3.0.0"]) });
    await update(one);
    expect(await known()).toEqual({ one: JSON.stringify(["running", one.boot, "3.0.0"]) });
    await redis.witness.del(keys.known("svc"));
    await one.renew({ status: "running", changed: false }, { signal: signal() });
    expect(await known()).toEqual({});
  });

  test("of a delete is how the boot ends so far, and a place among the ending", async () => {
    const { called, journal } = journalPart();
    const one = boot({ journal });
    await register(one);
    await one.deregister({ signal: signal() });
    const [[, fields]] = (await redis.witness.xrange(keys.journal, "-", "+")) as [[string, string[]]];
    const message = ["service", "svc", "instance", "one", "incarnation", String(one.incarnation), "boot", one.boot];
    expect(fields).toEqual([...message, "version", "3.0.0", "items", '[["end"]]']);
    expect(await redis.witness.zrange(keys.ending, "0", "-1")).toEqual([`${one.boot} ["svc","3.0.0","expired"]`]);
    expect(await redis.witness.exists(keys.known("svc"))).toBe(0);
    expect(called).toEqual([]);
  });

  test("is left out and turned off where the user may not write it", async () => {
    const { called, journal } = journalPart();
    const url = await userWith("~sg:registry:*");
    await register(boot({ journal }, url));
    expect(await stored()).toMatchObject({ status: "starting" });
    expect(called).toEqual([expect.stringMatching(/^turnOff: its user may not /)]);
    expect(await redis.witness.keys("sg:fleet:*")).toEqual([]);
  });

  test("of a written entry needs no right to the stream of the journal", async () => {
    const { called, journal } = journalPart();
    const url = await userWith("~sg:registry:*", "~sg:fleet:known:*");
    await register(boot({ journal }, url));
    expect(await redis.witness.hkeys(keys.known("svc"))).toEqual(["one"]);
    expect(called).toEqual([]);
  });

  test.each(["absent", "not loaded", "there"])(
    "a refused delete is sent once and rejects with its reason where the journal is %s",
    async (which) => {
      const { called, journal } = journalPart();
      const given = { absent: {}, "not loaded": { journal: () => undefined }, there: { journal } }[which];
      const one = boot(given);
      await register(one);
      await redis.witness.del(entryKey);
      await redis.witness.rpush(entryKey, "another program's");
      const before = await scriptRuns();
      await expect(one.deregister({ signal: signal() })).rejects.toMatchObject({
        code: "SG_ERR_REGISTRY",
        message: `cannot deregister svc/one: ${entryKey} holds a list where a string belongs; rename or delete it`,
      });
      expect(await scriptRuns()).toBe(before + 1);
      expect(called).toEqual(which === "there" ? ["endingLost"] : []);
    },
  );
});
