/** The sentence on an instance in each of its situations: real processes under a supervisor, a real Redis, and the memory beside them. */
import { spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { ExitJournal } from "../../src/fleet/exits.ts";
import { explain } from "../../src/instances/explain.ts";
import type { FleetMemory } from "../../src/instances/memory.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import type { Supervisor } from "../../src/supervisor/index.ts";
import { processChild, supervise } from "../../src/supervisor/index.ts";
import { deadlines } from "../kit/deadlines.ts";
import { followFleet } from "../kit/fleet-memory.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let client: Redis;
let memory: FleetMemory;
let forget: () => Promise<void>;
/** another one for each test: what a killed process wrote may arrive late */
let instance: string;
let count = 0;
const kept: Supervisor[] = [];
const closers: (() => Promise<unknown> | unknown)[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  client = openRedis(redis.url);
  await client.connect();
});
afterAll(async () => {
  await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  await redis.stop();
});
beforeEach(async () => {
  count += 1;
  instance = `orders-${count}`;
  await redis.witness.flushall();
  ({ memory, stop: forget } = followFleet(client));
  await eventually("the memory", () => memory.isCurrent);
});
afterEach(async () => {
  await Promise.all(kept.splice(0).map((supervisor) => supervisor.kill()));
  for (const close of closers.splice(0)) await close();
  await forget();
});

/** a boot that fails is not tried again here, so a slow machine must not fail one */
const patientGate = { SG_PING_TIMEOUT_MS: String(deadlines.fact) };

interface Kept {
  readonly situation?: string;
  readonly env?: Record<string, string>;
  readonly backoffMs?: number;
}

/** One process of a service `orders` under a supervisor, as `up` keeps it. */
const keep = ({ situation = "none", env = {}, backoffMs = 600_000 }: Kept = {}): Supervisor => {
  const given = { service: "orders", instance };
  const own = { REDIS_URL: redis.url, SG_INSTANCE_ID: instance, TEST_SITUATION: situation, ...patientGate, ...env };
  const supervisor = supervise(
    processChild(() => ({
      command: process.execPath,
      args: ["dist/src/cli/main.js", "run", "./test/fixtures/modules/situation.mjs"],
      env: { ...process.env, ...own } as Record<string, string>,
    })),
    { settings: { backoffMs, maxBackoffMs: backoffMs }, random: () => 1 },
  );
  new ExitJournal(redis.url).follow({ supervisor, namesOf: () => [given], log: undefined });
  kept.push(supervisor);
  return supervisor;
};
/** The service without a supervisor. */
const alone = (env: Record<string, string> = {}): void => {
  const child = spawn(process.execPath, ["dist/src/cli/main.js", "run", "./test/fixtures/modules/situation.mjs"], {
    env: { ...process.env, REDIS_URL: redis.url, SG_INSTANCE_ID: instance, ...patientGate, ...env },
    stdio: "ignore",
  });
  closers.push(() => child.kill("SIGKILL"));
};
const pidOf = (supervisor: Supervisor) => supervisor.actor.getSnapshot().context.pid!;

/** Waits until the sentence on the instance is that one. */
const says = async (sentence: RegExp): Promise<void> => {
  let last = "no row";
  const shown = async () => {
    const row = memory.model.row(`orders:${instance}`);
    if (row !== undefined) last = explain(row, memory.now());
    return sentence.test(last);
  };
  await eventually(`a sentence like ${sentence}`, shown, { timeoutMs: deadlines.test / 2 }).catch((error: unknown) => {
    throw new Error(`${String(error)}; the last sentence: ${last}`);
  });
};
const isReady = () => says(/^ready: running for /);

/** A server that accepts connections and never answers. */
const silentServer = async (): Promise<number> => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
};
const gate = (why: string) =>
  new RegExp(`^failed .+ ago: Redis at .+ did not pass the ping gate, 3 attempts: .*${why}.*; next try in `);

describe("a Redis that does not pass the ping gate", () => {
  it("because it refuses the connection", async () => {
    keep({ env: { REDIS_URL: "redis://127.0.0.1:1" } });
    await says(gate("connection refused"));
  });
  it("because it does not answer", async () => {
    keep({ env: { REDIS_URL: `redis://127.0.0.1:${await silentServer()}`, SG_PING_TIMEOUT_MS: "300" } });
    await says(gate("no answer to PING"));
  });
  it("because it refuses the credentials", async () => {
    keep({ env: { REDIS_URL: `redis://tiers:wrong@127.0.0.1:${redis.port}` } });
    await says(gate("(?:WRONGPASS|password|credentials)"));
  });
  it("because it is a replica that takes no writes", async () => {
    const replica = await startTestRedis();
    closers.push(() => replica.stop());
    await replica.witness.call("REPLICAOF", "127.0.0.1", "1");
    keep({ env: { REDIS_URL: replica.url } });
    await says(gate("(?:replica|writes)"));
  });
});

describe("a boot", () => {
  it("that hangs in a phase of onStart", async () => {
    keep({ situation: "hang" });
    await says(/^not ready: onStart is in 'model' for .+ of 60 s$/);
  });
  it("that finds its port taken", async () => {
    const port = await silentServer();
    alone({ TEST_HEALTH_PORT: String(port) });
    await says(new RegExp(`^failed .+ ago: .*port ${port} on 127.0.0.1 is taken.* \\(in 'healthy'\\)$`));
  });
  it("that fails again and again", async () => {
    keep({ situation: "crash", backoffMs: 50 });
    await says(/EACCES: the weights.*; died (?:twice|[3-9] times)/);
  });
});

describe("an instance that ran", () => {
  it("and is ready", async () => {
    keep();
    await isReady();
  });
  it("whose Redis does not answer", async () => {
    const proxy = await LoopbackProxy.start(redis.port);
    closers.push(() => proxy.stop());
    keep({ env: { REDIS_URL: proxy.through(redis.url), SG_LEASE_TTL_MS: "30000", SG_HEARTBEAT_MS: "1000" } });
    await isReady();
    proxy.mode = "stall";
    await says(/^not known: it does not renew its lease, which ends in .+; last seen in 'running'$/);
    proxy.mode = "pass";
    // what was swallowed is not sent again
    proxy.cut();
    proxy.cut();
    await isReady();
  });
  it("whose event loop is blocked", async () => {
    keep({ situation: "block" });
    await says(/^not ready: event loop (?:blocked|under pressure)/);
  });
  it("whose own check fails", async () => {
    keep({ situation: "check" });
    await says(/^not ready: the check 'disk' failed: it is full/);
  });
  it("and was killed", async () => {
    const supervisor = keep();
    await isReady();
    process.kill(pidOf(supervisor), "SIGKILL");
    await says(/^failed .+ ago in 'running': killed by SIGKILL; next try in /);
  });
  it("that stands still, with its lease running out", async () => {
    const supervisor = keep({ env: { SG_LEASE_TTL_MS: "9000", SG_HEARTBEAT_MS: "1000" } });
    await isReady();
    const pid = pidOf(supervisor);
    process.kill(pid, "SIGSTOP");
    closers.push(() => {});
    await says(/^not known: it does not renew its lease/);
    await says(/^expired .+ ago, last seen in 'running': its lease ended/);
    process.kill(pid, "SIGCONT");
  });
  it("that another process with its id has replaced", async () => {
    keep();
    await isReady();
    alone();
    await says(
      /^ready: running for .+; another process had the same id .+ ago and was stopped: give each instance an id of its own/,
    );
  });
});

describe("an instance that stops", () => {
  it("and waits for its work", async () => {
    const supervisor = keep({ situation: "drain" });
    await isReady();
    process.kill(pidOf(supervisor), "SIGTERM");
    await says(/^not ready: waits for work in flight to end for .+ of 8\.0 s; stops: SIGTERM/);
  });
  it("and hangs in onStop", async () => {
    const supervisor = keep({ situation: "stop" });
    await isReady();
    process.kill(pidOf(supervisor), "SIGTERM");
    await says(/^not ready: onStop runs for .+ of 8\.0 s; stops: SIGTERM/);
  });
  it("and has ended", async () => {
    const supervisor = keep();
    await isReady();
    process.kill(pidOf(supervisor), "SIGTERM");
    await says(/^ended .+ ago: SIGTERM$/);
  });
});
