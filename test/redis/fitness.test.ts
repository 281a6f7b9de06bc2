/** The ping gate passes only a Redis that can serve, and says in one line each what is missing and what to do. */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { StargazerError } from "../../src/errors.ts";
import { withRedis } from "../../src/fleet/connect.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { pingGate } from "../../src/redis/ping.ts";
import { redisUrlProblem } from "../../src/redis/url.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { checkPermissions, registryCommands } from "../../src/registry/permissions.ts";
import { deadlines } from "../kit/deadlines.ts";
import { hourMs, hoursOf } from "../kit/hours.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { aborted, TestTier } from "../kit/tier.ts";

let redis: TestRedis;
const opened: Redis[] = [];
const soon = () => AbortSignal.timeout(deadlines.fact);
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal: soon() })));
});
afterAll(() => redis.stop());

const one = { service: "svc", instance: "one" };
const keys = registryKeys({ isCluster: false });
const opening = (url: string, options = {}): Redis => {
  const client = openRedis(url, options);
  opened.push(client);
  return client;
};
const verdict = (client: Redis): Promise<StargazerError | "passed"> =>
  pingGate(client, { owned: true, signal: soon(), check: (each) => checkPermissions(each, one) }).then(
    () => "passed" as const,
    (error: StargazerError) => error,
  );

/** A server that answers INFO as given, and everything else in order. */
const serving = async (info: string): Promise<{ url: string; stop: () => void }> => {
  const sockets = new Set<Socket>();
  const replies: Record<string, string> = { info: `$${info.length}\r\n${info}\r\n`, ping: "+PONG\r\n", eval: "*0\r\n" };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding("utf8").on("error", () => {});
    socket.on("data", (text) => {
      for (const [, name] of String(text).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        socket.write(replies[name!.toLowerCase()] ?? "+OK\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
};

describe("F68: a proxy that closes the connection at INFO", () => {
  it("is named with what it was sent, before the deadline of the attempt", async () => {
    let asked = 0;
    const proxy = createServer((socket) => {
      socket.setEncoding("utf8").on("error", () => {});
      socket.on("data", (text) => {
        if (!/\binfo\b/i.test(String(text))) return socket.write("+PONG\r\n");
        asked += 1;
        socket.end();
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const client = opening(`redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    const refused = pingGate(client, { owned: true, signal: AbortSignal.timeout(60_000) });
    await expect(refused).rejects.toMatchObject({
      message: "it closes the connection when it is sent PING and INFO",
      advice: expect.stringContaining("twemproxy"),
    });
    expect(asked).toBeGreaterThan(1);
    client.disconnect();
    proxy.close();
  });
});

describe("F43: the server", () => {
  it.each([
    [
      "redis_version:6.0.16\r\nredis_mode:standalone\r\n",
      "Redis 6.0.16, and 6.2 is the oldest that works",
      "Use Redis 6.2 or later",
    ],
    [
      "redis_version:5.0.7\r\nredis_mode:standalone\r\n",
      "Redis 5.0.7, and 6.2 is the oldest that works",
      "Use Redis 6.2 or later",
    ],
    ["redis_version:7.0.15\r\nredis_mode:sentinel\r\n", "a Sentinel, not a Redis", "sentinels: [{ host, port }]"],
    ["redis_version:7.2.4\r\nserver_mode:sentinel\r\n", "a Sentinel, not a Redis", "sentinels: [{ host, port }]"],
    ["redis_version:7.2.4\r\nserver_mode:cluster\r\n", "a node of a Redis Cluster", "Pass a Cluster client"],
    ["redis_version:7.0.15\r\nredis_mode:cluster\r\n", "a node of a Redis Cluster", "Pass a Cluster client"],
  ])("that says %j is refused, with the way on", async (info, message, advice) => {
    const server = await serving(info);
    try {
      const client = opening(server.url);
      expect(await verdict(client)).toMatchObject({ message, advice: expect.stringContaining(advice) });
      const tier = new TestTier({ redis: server.url, pingAttempts: 1, useHealthServer: false });
      const { error } = await tier.runToCompletion();
      expect(error?.message).toContain(`: ${message}. `);
      expect(error?.message).toContain(advice);
    } finally {
      server.stop();
    }
  });

  it.each([
    "redis_version:6.2.0\r\nredis_mode:standalone\r\n",
    "redis_version:8.0.1\r\nredis_mode:standalone\r\n",
    "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\nserver_mode:standalone\r\n",
  ])("that says %j passes", async (info) => {
    const server = await serving(info);
    try {
      expect(await verdict(opening(server.url))).toBe("passed");
    } finally {
      server.stop();
    }
  });
});

describe("F43: the user", () => {
  const as = async (...rules: string[]): Promise<Redis> => {
    await redis.witness.acl("SETUSER", "limited", "reset", "on", ">pw", "&*", ...rules);
    const url = new URL(redis.url);
    [url.username, url.password] = ["limited", "pw"];
    return opening(url.href);
  };
  const used = registryCommands.filter((name) => name !== "ping" && name !== "info");

  it.each(used)("without %s is refused, and the command is named", async (command) => {
    const client = await as("~*", "+@all", `-${command}`);
    expect(await verdict(client)).toMatchObject({
      message: `its user may not run ${command.toUpperCase()}`,
      advice: `Grant it to the user: ACL SETUSER <user> +${command}`,
    });
  });

  it("without the keys is refused, and the keys are named", async () => {
    expect(await verdict(await as("~app:*", "+@all"))).toMatchObject({
      message: expect.stringContaining(`its user may not use the key ${keys.service("svc", "one")}`),
      advice: "Grant it to the user: ACL SETUSER <user> ~sg:*",
    });
    expect(
      await verdict(await as("~sg:registry:service:*", "~sg:registry:released:*", "~sg:registry:idx:*", "+@all")),
    ).toMatchObject({
      message: `its user may not use the key ${keys.services}, ${keys.events}`,
    });
  });

  it("with no more than these commands and keys passes, runs a service, and has it deregistered", async () => {
    const client = await as("~sg:*", "+ping", "+info", ...used.map((command) => `+${command}`));
    expect(await verdict(client)).toBe("passed");
    const url = new URL(redis.url);
    [url.username, url.password] = ["limited", "pw"];
    const tier = new TestTier({ redis: url.href, useHealthServer: false }, { run: ({ signal }) => aborted(signal) });
    const report = tier.runToCompletion();
    await tier.waitFor("running");
    await tier.shutdown();
    expect(await report).toMatchObject({ outcome: "shutdown", exitCode: 0 });
    expect(await redis.witness.keys("sg:registry:service:*")).toEqual([]);
  });

  it("is asked without a trace: no key is there afterwards, and one that was there is as it was", async () => {
    const entry = keys.service("svc", "one");
    await redis.witness.flushall();
    expect(await verdict(opening(redis.url))).toBe("passed");
    expect(await redis.witness.keys("*")).toEqual([]);
    await redis.witness.set(entry, "text", "PX", 2 * hourMs);
    await redis.witness.sadd(keys.services, "svc");
    expect(await verdict(opening(redis.url))).toBe("passed");
    expect([await redis.witness.get(entry), await redis.witness.smembers(keys.services)]).toEqual(["text", ["svc"]]);
    expect(hoursOf(await redis.witness.pttl(entry))).toBe(2);
  });

  it("is asked for the registry's own keys, also where the caller's client has a prefix", async () => {
    const prefixed = await as("~app:*", "+@all");
    const theirs = prefixed.duplicate({ keyPrefix: "app:" });
    opened.push(theirs);
    expect(await verdict(theirs)).toMatchObject({ message: expect.stringContaining("may not use the key sg:registry") });
    expect(await verdict(opening(redis.url, { keyPrefix: "app:" }))).toBe("passed");
  });

  it("may be refused INFO: then the version is not known, and the rest decides", async () => {
    expect(await verdict(await as("~*", "+@all", "-info"))).toBe("passed");
  });
});

describe("F45: a URL with rediss", () => {
  it("of a server that is silent, since it does not speak TLS, is asked about", async () => {
    const url = redis.url.replace(/^redis:/, "rediss:");
    const tier = new TestTier({ redis: url, pingAttempts: 1, pingTimeoutMs: 300, useHealthServer: false });
    const { error } = await tier.runToCompletion();
    expect(error?.message).toContain("Is it running, and does its port speak TLS?");
    const place = { url, label: "rediss://here", from: "--redis" } as const;
    await expect(withRedis(place, async () => {}, { signal: AbortSignal.timeout(300) })).rejects.toThrow(
      "does its port speak TLS?",
    );
  });
});

describe("F43: a URL", () => {
  it("with a keyPrefix is refused, with the reason", () => {
    expect(redisUrlProblem("redis://127.0.0.1:6379/0?keyPrefix=app:")).toMatch(/^has a keyPrefix, /);
    expect(() => new TestTier({ redis: "redis://127.0.0.1/0?keyPrefix=app:" })).toThrow("has a keyPrefix");
  });
});
