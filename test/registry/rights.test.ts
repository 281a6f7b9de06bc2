/** A Redis user with exactly what PRODUCTION.md has for a feature: all of it is enough, and each command is needed and named. */
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { lead } from "../../src/leadership/index.ts";
import {
  checkPermissions,
  journalCommands,
  readerCommands,
  registryCommands,
  watcherCommands,
} from "../../src/registry/permissions.ts";
import { Registry } from "../../src/registry/registry.ts";
import { LifecycleProbe } from "../../src/testing/index.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
const shell = openShell();
const opened: Redis[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const client of opened.splice(0)) client.disconnect();
  await redis.witness.flushall();
  await endCli();
});
afterAll(async () => {
  shell.remove();
  await redis.stop();
});

let users = 0;
/** The URL of a new user with these commands. */
const userWith = async (commands: readonly string[]): Promise<string> => {
  users += 1;
  await redis.witness.acl("SETUSER", `user-${users}`, "on", ">pw", "~sg:*", ...commands.map((name) => `+${name}`));
  const url = new URL(redis.url);
  [url.username, url.password] = [`user-${users}`, "pw"];
  return url.href;
};
const connected = (url: string): Redis => {
  const client = new Redis(url, { enableReadyCheck: false });
  client.on("error", () => {});
  opened.push(client);
  return client;
};
const without = (commands: readonly string[], one: string) => commands.filter((name) => name !== one);

/** Lives to a shutdown in `running`, and returns its facts. */
const life = async (
  url: string,
  run: ConstructorParameters<typeof TestTier>[1] = {},
  until: () => Promise<unknown> = async () => {},
) => {
  const tier = new TestTier(
    { redis: url, serviceName: "limited", instanceId: "one", pingAttempts: 1, useHealthServer: false },
    run,
  );
  const probe = new LifecycleProbe(tier);
  const ended = tier.runToCompletion();
  await probe.state("running", { timeoutMs: deadlines.fact }).catch(() => {});
  await until();
  await tier.shutdown();
  const { outcome } = await ended;
  return { outcome, types: probe.history.map(({ fact }) => fact.type) };
};

describe("a service", () => {
  it("has a line of its own, which is enough without a journal, also for a leadership", async () => {
    vi.stubEnv("SG_JOURNAL", "0");
    const fences: number[] = [];
    const run = (context: Parameters<typeof lead>[0] & { signal: AbortSignal }) =>
      lead(context, { name: "job" }, async ({ fence, signal, commit }) => {
        await commit([], []);
        fences.push(fence);
        await aborted(signal);
      }).catch(() => {});
    const { outcome, types } = await life(await userWith(registryCommands), { run: run as never });
    expect([outcome, types.includes("lease.held"), types.includes("lease.suspect")]).toEqual(["shutdown", true, false]);
    expect(await redis.witness.keys("sg:registry:service:*")).toEqual([]);
  });

  it("has a journal with six commands more", async () => {
    const message = () => eventually("a message", async () => (await redis.witness.xlen("sg:fleet:journal")) > 0);
    const { outcome, types } = await life(await userWith([...registryCommands, ...journalCommands]), {}, message);
    expect([outcome, types.includes("journal.off")]).toEqual(["shutdown", false]);
  });

  it.each(journalCommands)("is told that its journal needs %s", async (command) => {
    const client = connected(await userWith(without([...registryCommands, ...journalCommands], command)));
    const missing = await checkPermissions(client, { service: "limited", instance: "one" }, { hasJournal: true });
    expect(missing).toMatch(new RegExp(`its user may not run ${command.toUpperCase()}\\.`));
  });
});

/** One entry whose lease lives, and one service whose lease has ended. */
const written = async (): Promise<TestTier> => {
  const tier = new TestTier({ redis: redis.url, serviceName: "listed", instanceId: "one" });
  void tier.runToCompletion();
  await tier.waitFor("running");
  return tier;
};
const firstOf = async (registry: Registry): Promise<string> => {
  const ending = new AbortController();
  for await (const { type } of registry.watch(undefined, { signal: ending.signal })) if (type === "synced") ending.abort();
  return "synced";
};

describe("a reader", () => {
  it("lists with its line, and watches with the second one, in which no command of the journal is", async () => {
    const tier = await written();
    expect(await new Registry(connected(await userWith(readerCommands))).list()).toMatchObject([{ instance: "one" }]);
    const watching = [...readerCommands, ...watcherCommands];
    expect(await firstOf(new Registry(connected(await userWith(watching))))).toBe("synced");
    await tier.shutdown();
  });

  it.each(["eval", "time", "getrange", "smembers", "zrange"])(
    "that lists is refused without %s, which is named",
    async (command) => {
      const tier = await written();
      const client = connected(await userWith(without(readerCommands, command)));
      const refused = {
        code: "SG_ERR_REGISTRY",
        message: `The registry cannot be read: its user may not run ${command.toUpperCase()}.`,
      };
      await expect(new Registry(client).list()).rejects.toMatchObject(refused);
      await tier.shutdown();
    },
  );

  it.each(["evalsha", "xrevrange", ...watcherCommands])("that watches is refused without %s, which is named", async (command) => {
    const registry = new Registry(connected(await userWith(without([...readerCommands, ...watcherCommands], command))));
    // the first listing sends the texts of its scripts, which a later one has the hashes of
    await registry.list();
    const refused = {
      code: "SG_ERR_REGISTRY",
      message: `The registry cannot be read: its user may not run ${command.toUpperCase()}.`,
    };
    await expect(firstOf(registry)).rejects.toMatchObject(refused);
  });

  it("with options in the place of the name is refused", async () => {
    const registry = new Registry(redis.witness);
    const options = { signal: AbortSignal.abort() } as never;
    await expect(registry.list(options)).rejects.toMatchObject({ code: "SG_ERR_CONFIG_INVALID" });
    expect(() => registry.watch(options)).toThrow("takes the name of a service first, and its options second");
  });
});

it.each([
  ["fleet", ["fleet"], /listed/],
  ["why", ["why", "listed"], /^ready: /],
  ["inspect", ["inspect", "listed"], /listed/],
  ["replay", ["replay", "failed/one"], /as planned/],
  ["dlq list", ["dlq", "list"], /no dead letters/],
])("stargazer %s needs no more than a reader's line", async (_, args, shown) => {
  const failed = new TestTier(
    { redis: redis.url, serviceName: "failed", instanceId: "one" },
    { run: () => Promise.reject(new Error("as planned")) },
  );
  await failed.runToCompletion();
  const tier = new TestTier({ redis: redis.url, serviceName: "listed", instanceId: "one", useHealthServer: true });
  void tier.runToCompletion();
  await tier.waitFor("running");
  const { out, err, code } = await shell.run([...args, "--redis", await userWith(readerCommands)]);
  expect([code, out, err]).toEqual([0, expect.stringMatching(shown), ""]);
  await tier.shutdown();
});

it("PRODUCTION.md has the line of each feature", () => {
  const page = readFileSync("PRODUCTION.md", "utf8");
  for (const commands of [registryCommands, journalCommands, readerCommands, watcherCommands])
    expect(page).toContain(`| \`${commands.map((name) => `+${name}`).join(" ")}\` `);
});
