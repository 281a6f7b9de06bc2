/**
 * Which servers the ping gate passes, and what it says to the others: one line for each server and condition, on real servers.
 *
 *   SG_SERVERS=/opt/redis-6.0/redis-server:/opt/valkey-8/valkey-server node test/faults/servers.mjs
 *
 * Without SG_SERVERS the server of the tests is the only one. Exits 1 where a verdict is not the expected kind.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Cluster, Redis } from "ioredis";
import { Registry, StargazerService } from "../../dist/src/index.js";
import { silentLogger } from "../../dist/src/logger.js";
import { findRedisServer } from "../../dist/src/redis/embedded/binary.js";

const given = (process.env.SG_SERVERS ?? "").split(":").filter(Boolean);
const servers = given.length > 0 ? given : [findRedisServer()];
const folder = mkdtempSync(join(tmpdir(), "sg-servers-"));
const host = "127.0.0.1";
const commands = "time getrange get set pexpire del zadd zrem zcard sadd srem xadd eval evalsha".split(" ");
/** the bus of a Cluster is 10000 above, and has to stay below the ports of connections */
let port = 15_500;
let running = [];

class Quiet extends StargazerService {
  onStart() {}
  async run({ signal }) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
  onStop() {}
}

const connect = (to, options = {}) => {
  const client = new Redis({ host, port: to, retryStrategy: () => 50, maxRetriesPerRequest: 1, ...options });
  client.on("error", () => {});
  return client;
};

/** Starts a server; resolves with its port once it answers anything. */
const start = async (binary, config = [], args = []) => {
  port += 1;
  const dir = mkdtempSync(join(folder, "server-"));
  const file = join(dir, "server.conf");
  writeFileSync(file, [`port ${port}`, `bind ${host}`, `dir ${dir}`, ...config].join("\n"));
  const child = spawn(binary, [file, ...args], { stdio: "ignore" });
  running.push(child);
  const client = connect(port, { enableReadyCheck: false });
  for (let left = 100; left > 0; left -= 1) {
    if (child.exitCode !== null) throw new Error(`it does not start with: ${config.join(", ")}`);
    if (await client.ping().catch((error) => /LOADING|NOAUTH|MASTERDOWN/.test(error.message))) break;
    await pause(50);
  }
  client.disconnect();
  return port;
};

const endAll = async () => {
  const ending = running;
  running = [];
  await Promise.all(ending.map((child) => (child.exitCode === null ? (child.kill("SIGKILL"), once(child, "exit")) : undefined)));
};

const admin = async (to, ...command) => {
  const client = connect(to);
  try {
    return await client.call(...command);
  } finally {
    client.disconnect();
  }
};

/** How many of the service a reader finds, through a client of its own. */
const listed = async (redis) => {
  const client =
    typeof redis === "string"
      ? new Redis(redis.replace(/\/\/.*@/, "//"))
      : redis.isCluster
        ? redis.duplicate()
        : redis.duplicate({ keyPrefix: "" });
  client.on("error", () => {});
  const entries = await new Registry(client).list("svc");
  client.disconnect();
  return entries.length;
};

/** One life: registered and found, or the reason in one line. */
const life = async (redis, options = {}) => {
  let service;
  try {
    service = new Quiet({ serviceName: "svc", redis, healthPort: 0, jitterMaxMs: 0, logger: silentLogger, ...options });
  } catch (error) {
    return error.message;
  }
  const ended = service.runToCompletion();
  const isUp = await service.waitFor("running").then(
    () => true,
    () => false,
  );
  if (!isUp) return (await ended).error?.message ?? "it did not start";
  const { state } = service.status().lease ?? { state: "no lease" };
  const found = await listed(redis);
  await service.shutdown();
  const { outcome } = await ended;
  return `ready, ${state}, ${found} in the registry, stop: ${outcome}`;
};

const urlOf = (to, rest = "") => `redis://${host}:${to}${rest}`;
const passes = /^ready, held\S*, 1 in the registry, stop: shutdown$/;
let wrong = 0;
const row = (name, condition, verdict, expected) => {
  const isExpected = expected.test(verdict);
  if (!isExpected) wrong += 1;
  console.log(
    `| ${name} | ${condition} | ${verdict.replaceAll(/:\d{5}\b/g, "").replaceAll(/svc:[\w-]+-\d+-\w{6}/g, "svc:…")} |${isExpected ? "" : " NOT EXPECTED"}`,
  );
};

const withOwn = async (client, run) => {
  client.on("error", () => {});
  try {
    return await run(client);
  } finally {
    client.disconnect();
  }
};

/** A server whose data takes some 2 s to load. */
const loading = async (binary, major) => {
  const dir = mkdtempSync(join(folder, "aof-"));
  const set = (at) => `*3\r\n$3\r\nSET\r\n$5\r\nk${String(at).padStart(4, "0")}\r\n$1\r\nv\r\n`;
  writeFileSync(join(dir, "appendonly.aof"), Array.from({ length: 4000 }, (_, at) => set(at)).join(""));
  const events = major >= 7 ? ["loading-process-events-interval-bytes 1024"] : [];
  return start(binary, ["appendonly yes", "key-load-delay 500", ...events, `dir ${dir}`]);
};

const versionOf = (binary) => /v=(\S+)/.exec(String(spawnSync(binary, ["--version"]).stdout))?.[1] ?? "?";

/** Each condition is a server of its own. */
const conditions = (binary, major, isOld) => {
  const refused = (pattern) => (isOld ? /6\.2 is the oldest|did not pass/ : pattern);
  const ok = refused(passes);
  return {
    "a URL": [async () => life(urlOf(await start(binary))), ok],
    "own client with a keyPrefix": [
      async () => withOwn(connect(await start(binary), { keyPrefix: "app:" }), (client) => life(client)),
      ok,
    ],
    "a URL with a keyPrefix": [async () => life(urlOf(await start(binary), "/0?keyPrefix=app:")), /has a keyPrefix/],
    "a node of a Cluster, by URL": [
      async () => life(urlOf(await start(binary, ["cluster-enabled yes"])), { pingAttempts: 1 }),
      /a node of a Redis Cluster/,
    ],
    "a Cluster, by a Cluster client": [
      async () => {
        const to = await start(binary, ["cluster-enabled yes", `cluster-announce-ip ${host}`]);
        await admin(to, "CLUSTER", "ADDSLOTS", ...Array.from({ length: 16_384 }, (_, slot) => slot));
        for (let left = 100; left > 0 && !/state:ok/.test(await admin(to, "CLUSTER", "INFO")); left -= 1) await pause(50);
        return withOwn(new Cluster([{ host, port: to }]), (client) => life(client));
      },
      ok,
    ],
    "a Sentinel, by URL": [
      async () => {
        const master = await start(binary);
        const sentinel = await start(binary, [`sentinel monitor mine ${host} ${master} 1`], ["--sentinel"]);
        return life(urlOf(sentinel), { pingAttempts: 1 });
      },
      /a Sentinel, not a Redis/,
    ],
    "a Sentinel, by a client that asks it": [
      async () => {
        const master = await start(binary);
        const sentinel = await start(binary, [`sentinel monitor mine ${host} ${master} 1`], ["--sentinel"]);
        const client = new Redis({ sentinels: [{ host, port: sentinel }], name: "mine" });
        return withOwn(client, (own) => life(own));
      },
      ok,
    ],
    "a replica": [
      async () => {
        const master = await start(binary);
        const replica = await start(binary, [`replicaof ${host} ${master}`, "repl-diskless-sync-delay 0"]);
        for (let left = 100; left > 0 && !/link_status:up/.test(await admin(replica, "INFO")); left -= 1) await pause(50);
        return life(urlOf(replica), { pingAttempts: 1 });
      },
      refused(/replica/),
    ],
    "loading, for some 2 s": [async () => life(urlOf(await loading(binary, major))), ok],
    "loading, for longer than its one attempt": [
      async () => life(urlOf(await loading(binary, major)), { pingAttempts: 1, pingTimeoutMs: 200 }),
      refused(/load|no answer/),
    ],
  };
};

const permissions = async (binary, name) => {
  const to = await start(binary);
  const as = async (rule, ...acl) => {
    await admin(to, "ACL", "SETUSER", "svc", "reset", "on", ">pw", ...acl);
    row(name, rule, await life(`redis://svc:pw@${host}:${to}`, { pingAttempts: 1 }), expectedOf(rule));
  };
  const least = commands.map((command) => `+${command}`);
  const expectedOf = (rule) =>
    rule.startsWith("a user without")
      ? new RegExp(rule.endsWith("keys") ? "may not use the key" : rule.split(" ").at(-1))
      : passes;
  await as("a user with the least", "~sg:*", "+ping", "+info", ...least);
  for (const command of commands) await as(`a user without ${command.toUpperCase()}`, "~sg:*", "+@all", `-${command}`);
  await as("a user without the keys", "~app:*", "+@all");
};

try {
  console.log("| server | condition | verdict |\n| --- | --- | --- |");
  for (const binary of servers) {
    const version = versionOf(binary);
    const name = `${/valkey/.test(String(spawnSync(binary, ["--version"]).stdout).toLowerCase()) ? "Valkey" : "Redis"} ${version}`;
    const isOld = /^([1-5]|6\.[01])\./.test(version);
    for (const [condition, [verdict, expected]] of Object.entries(conditions(binary, Number.parseInt(version, 10), isOld))) {
      row(name, condition, await verdict().catch((error) => `it failed: ${error.message}`), expected);
      await endAll();
    }
    if (!isOld) await permissions(binary, name);
    await endAll();
  }
} finally {
  await endAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(wrong > 0 ? 1 : 0);
