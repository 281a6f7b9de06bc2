/** A master, a replica and real Sentinels that watch over them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { findRedisServer } from "../../src/redis/embedded/binary.ts";
import { reservePort } from "./port-reservation.ts";
import type { TestRedis } from "./redis.ts";
import { startTestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

export interface Sentinels {
  readonly name: string;
  readonly password: string;
  readonly ports: readonly number[];
  readonly master: TestRedis;
  readonly replica: TestRedis;
  /** the port that the Sentinels now name */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
}

const name = "sg";
const quorum = 2;
const downAfterMs = 500;
/** Ends the Sentinel when its standard input does, which is when the test's process ends at the latest. */
const guarded = `"$@" </dev/null >/dev/null & it=$!; cat >/dev/null; kill -9 "$it"; wait "$it" 2>/dev/null`;

/** Resolves once every Sentinel knows the replica and the other Sentinels, so that a failover is possible. */
export const startSentinels = async (count = 3): Promise<Sentinels> => {
  const password = "both-have-the-same";
  const master = await startTestRedis({ password, config: [`masterauth ${password}`] });
  const config = [`masterauth ${password}`, `replicaof 127.0.0.1 ${master.port}`, "repl-diskless-sync-delay 0"];
  const replica = await startTestRedis({ password, config });
  await eventually("the replica follows", async () =>
    (await replica.witness.info("replication")).includes("master_link_status:up"),
  );
  const started = await Promise.all(Array.from({ length: count }, () => startSentinel(master.port, password)));
  const [first] = started;
  const all = async (ask: (asked: Redis) => Promise<boolean>) =>
    (await Promise.all(started.map(({ client }) => ask(client)))).every(Boolean);
  await eventually("the Sentinels know each other", () =>
    all(async (client) => /slaves=1,sentinels=3/.test(await client.info("sentinel")) && (await knowsAllUp(client))),
  );
  return {
    name,
    password,
    master,
    replica,
    ports: started.map(({ port }) => port),
    masterPort: async () => Number(((await first!.client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)) as string[])[1]),
    stop: async () => {
      await Promise.all(started.map(({ stop }) => stop()));
      await Promise.all([master.stop(), replica.stop()]);
    },
  };
};

/** A Sentinel cannot elect a replica that has not yet answered it. */
const knowsAllUp = async (client: Redis): Promise<boolean> => {
  const [replica] = (await client.call("SENTINEL", "REPLICAS", name)) as string[][];
  return replica !== undefined && replica[replica.indexOf("flags") + 1] === "slave";
};

const startSentinel = async (masterPort: number, password: string) => {
  const { port } = await reservePort();
  const dir = mkdtempSync(join(tmpdir(), "stargazer-sentinel-"));
  const file = join(dir, "sentinel.conf");
  writeFileSync(file, configOf(port, dir, masterPort, password));
  const child = spawn("/bin/sh", ["-c", guarded, "sh", findRedisServer()!, file, "--sentinel"], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  const client = new Redis({ host: "127.0.0.1", port, retryStrategy: () => 50 }).on("error", () => {});
  await eventually("the Sentinel answers", () => client.ping());
  const stop = async () => {
    client.disconnect();
    const ended = once(child, "exit");
    child.stdin.end();
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  return { port, client, stop };
};

const configOf = (port: number, dir: string, masterPort: number, password: string): string =>
  [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    `sentinel monitor ${name} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel auth-pass ${name} ${password}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 5000`,
    "",
  ].join("\n");
