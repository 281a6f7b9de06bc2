/** A running service over a Redis that refuses or delays for a time, or ends connections: it goes on, and is registered again. */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Redis } from "ioredis";
import { expect, it } from "vitest";
import { LifecycleProbe } from "../../src/testing/index.ts";
import { deadlines } from "../kit/deadlines.ts";
import { hourMs } from "../kit/hours.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

/** Resolves once the trouble is there for the service. */
type Trouble = (redis: TestRedis, tier: TestTier) => Promise<unknown>;

/** Saves fail while the folder of the server is away, and then each write is refused with MISCONF. */
const misconfigured: Trouble = async ({ witness }) => {
  const [, folder] = (await witness.config("GET", "dir")) as string[];
  await witness.config("SET", "save", "3600 1");
  rmSync(folder!, { recursive: true });
  await witness.bgsave();
  await eventually("the failed save", async () => (await witness.info("persistence")).includes("rdb_last_bgsave_status:err"));
};
const savesNothing: Trouble = ({ witness }) => witness.config("SET", "stop-writes-on-bgsave-error", "no");

/** A script without end: every other command is refused with BUSY until it is killed. */
const busy: Trouble = async ({ witness }) => {
  await witness.config("SET", "busy-reply-threshold", "50");
  const scripting = witness.duplicate({ lazyConnect: true, retryStrategy: () => null });
  scripting.on("error", () => {});
  await scripting.connect();
  void scripting.eval("while true do end", 0).catch(() => {});
  await eventually("BUSY", () =>
    witness.ping().then(
      () => false,
      ({ message }: Error) => message.startsWith("BUSY"),
    ),
  );
};

const killed: Trouble = async ({ witness }) => {
  await witness.script("KILL");
  await eventually("the end of the script", () => witness.ping());
};

/** Every connection but the witness's: the two of the service. */
const killConnections: Trouble = async ({ witness }) => {
  const killed = await witness.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  expect(killed).toBeGreaterThanOrEqual(2);
};

const connections = async ({ witness }: TestRedis): Promise<string[]> =>
  [...String(await witness.client("LIST")).matchAll(/^id=(\d+) /gm)].map(([, id]) => id!);

/** The connection for commands has nothing to do, that of the registry beats. */
const closesIdle: Trouble = async (redis) => {
  const before = await connections(redis);
  await redis.witness.config("SET", "timeout", "1");
  await eventually("an idle connection is closed", async () => {
    const now = await connections(redis);
    return before.some((id) => !now.includes(id));
  });
};

/** so long that a stall of the machine hides no beat that is held up */
const pauseMs = 5000;

/** A beat is under way, and gets no answer for longer than beats are apart. */
const isPaused =
  (what: "ALL" | "WRITE"): Trouble =>
  async ({ witness }, tier) => {
    await witness.call("CLIENT", "PAUSE", String(pauseMs), what);
    await eventually("a beat is held up", () => {
      const { state, confirmedAgoMs } = tier.status().lease!;
      return state !== "held.waiting" && confirmedAgoMs > 150;
    });
    await eventually("the end of the pause", async () => (await witness.del("none")) === 0);
  };

/** Of the user that the service connects as. */
const setPassword = ({ witness, url }: TestRedis, password: string) =>
  witness.acl("SETUSER", new URL(url).username, "resetpass", `>${password}`);

const troubles: Record<string, { begin: Trouble; end?: Trouble }> = {
  "is BUSY with a script": { begin: busy, end: killed },
  "refuses writes with MISCONF": { begin: misconfigured, end: savesNothing },
  "is paused by CLIENT PAUSE": { begin: isPaused("ALL") },
  "is paused for writes": { begin: isPaused("WRITE") },
  "kills its connections": { begin: killConnections },
  "closes connections that are idle for a second": { begin: closesIdle },
  "has its keys and scripts removed": { begin: ({ witness }) => witness.multi().flushall().script("FLUSH").exec() },
  "gets another password, and the old one back": {
    begin: async (redis, tier) => {
      await setPassword(redis, "another");
      await killConnections(redis, tier);
    },
    end: (redis) => setPassword(redis, new URL(redis.url).password),
  },
};

/** Keys of entries, from a witness that may be among those whose connection ended. */
const entriesIn = (witness: Redis) => witness.keys("sg:registry:service:*");

it.concurrent.each(Object.entries(troubles))(
  "a Redis that %s ends no service, whose entry is there afterwards",
  async (_what, { begin, end }) => {
    const redis = await startTestRedis();
    const tier = new TestTier({ redis: redis.url, heartbeatMs: 100, leaseTtlMs: hourMs, useHealthServer: false });
    const probe = new LifecycleProbe(tier);
    const ended = tier.runToCompletion();
    try {
      await probe.state("running", { timeoutMs: deadlines.fact });
      await probe.fact("lease.held", { timeoutMs: deadlines.fact });
      await begin(redis, tier);
      if (end) await probe.fact("lease.suspect", { timeoutMs: deadlines.fact });
      await end?.(redis, tier);
      await redis.witness.del(...(await entriesIn(redis.witness)), "none");
      await eventually("the entry", async () => (await entriesIn(redis.witness)).length === 1);
      expect(tier.state).toBe("running");
    } finally {
      await tier.shutdown();
    }
    expect(await ended).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(await entriesIn(redis.witness)).toEqual([]);
    await redis.stop();
  },
);

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(0, "::1", () => server.close(() => resolve(true)));
});

it.runIf(hasIpv6).concurrent.each([["::1"], ["localhost"]])("a Redis and a health port at %s serve", async (host) => {
  const redis = await startTestRedis({ config: ["bind 127.0.0.1 ::1"] });
  const url = `redis://:${redis.password}@${host.includes(":") ? `[${host}]` : host}:${redis.port}`;
  const tier = new TestTier({ redis: url, healthHost: host });
  const probe = new LifecycleProbe(tier);
  const ended = tier.runToCompletion();
  await probe.fact("lease.held", { timeoutMs: deadlines.fact });
  const [key] = await entriesIn(redis.witness);
  const entry = async () => JSON.parse((await redis.witness.get(key!)) ?? "{}");
  const { health } = await eventually("the address", async () => {
    const read = await entry();
    return read.status === "running" && read;
  });
  const answer = await fetch(`http://${health.host.includes(":") ? `[${health.host}]` : health.host}:${health.port}/readyz`);
  expect(await answer.json()).toEqual({ ready: true });
  await tier.shutdown();
  expect(await ended).toMatchObject({ outcome: "shutdown", failures: [] });
  await redis.stop();
});
