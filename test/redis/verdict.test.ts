/** The verdict of the ping gate on a server that answers: its reply, and advice that fits. */
import { createServer } from "node:net";
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import type { StargazerError } from "../../src/errors.ts";
import { pingGate } from "../../src/redis/ping.ts";
import { checkPermissions } from "../../src/registry/permissions.ts";
import { TestTier } from "../kit/tier.ts";
import { soon, withRedis } from "../kit/with-redis.ts";

const place = withRedis();

const name = { service: "svc", instance: "one" };
const check = (client: Redis) => checkPermissions(client, name, { hasJournal: true });
const verdict = (url: string): Promise<StargazerError> =>
  pingGate(place.open(url), { owned: true, signal: soon(), check: (client) => check(client as Redis) }).then(
    () => {
      throw new Error("the gate was passed");
    },
    (error: StargazerError) => error,
  );

/** A server that answers `command` as given, and everything else in order. */
const answering = async (command: string, reply: string): Promise<string> => {
  const replies: Record<string, string> = { info: "$0\r\n\r\n", ping: "+PONG\r\n", eval: "*0\r\n", [command]: `${reply}\r\n` };
  const server = createServer((socket) => {
    socket.setEncoding("utf8").on("data", (text) => {
      for (const [, word] of String(text).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        socket.write(replies[word!.toLowerCase()] ?? "+OK\r\n");
    });
  });
  return `redis://127.0.0.1:${await place.listen(server, "127.0.0.1")}`;
};

describe("F70: a server that asks for a password", () => {
  const withoutPassword = () => `redis://127.0.0.1:${place.redis.port}`;

  it("answers each question of the gate, which has too few words for it to close the connection", async () => {
    const client = place.open(withoutPassword());
    let closes = 0;
    client.on("close", () => {
      closes += 1;
    });
    await client.connect();
    await expect(check(client)).rejects.toThrow("NOAUTH");
    await expect(client.ping()).rejects.toThrow("NOAUTH");
    expect(closes).toBe(0);
  });

  it("is reported so", async () => {
    expect(await verdict(withoutPassword())).toMatchObject({
      message: "a password is required",
      advice: expect.stringContaining("into the URL"),
    });
  });
});

describe("F71: the answer of a server", () => {
  it.each([
    ["ping", "-MISCONF Redis is configured to save RDB snapshots, but", "it cannot save to its disk", "Its log"],
    ["ping", "-BUSY Redis is busy running a script. You can only", "busy with a script", "SCRIPT KILL"],
    ["ping", "-DENIED Redis is running in protected mode because", "in protected mode", "a password"],
    ["ping", "-CLUSTERDOWN The cluster is down", "the cluster is down", "CLUSTER INFO"],
    ["ping", "-ERR unknown command 'ping', with args beginning with: ", "it does not know PING", "rename-command"],
    ["ping", "-ERR something new", "ERR something new", "It is running"],
    ["eval", "-ERR unsupported command 'eval'", "it does not know EVAL", "a proxy does not pass it"],
    ["evalsha", "-unsupported command 'evalsha'", "it does not know EVALSHA", "a proxy does not pass it"],
    ["eval", "-ERR Command is not available: 'EVAL'. See the documentation", "it does not know EVAL", "allow it"],
    ["eval", "-ERR scripting is disabled", "ERR scripting is disabled", "It is running"],
    ["eval", "-CLUSTERDOWN Hash slot not served", "the cluster is down", "CLUSTER INFO"],
    [
      "eval",
      "-ERR Error running script (call to 0123): @user_script:4: script tried accessing undeclared key, key: sg:x",
      "its scripts may use only keys that they declare",
      "allow-undeclared-keys",
    ],
    [
      "eval",
      "*1\r\n*4\r\n+TIME\r\n+sg:x\r\n+script tried accessing undeclared key, key: sg:x\r\n+registry",
      "its scripts may use only keys that they declare",
      "allow-undeclared-keys",
    ],
    ["eval", "-ERR unknown command `eval`, with args beginning with: `local`", "it does not know EVAL", "rename-command"],
    ["evalsha", "-ERR unknown command 'evalsha'", "it does not know EVALSHA", "rename-command"],
    [
      "eval",
      "*1\r\n*4\r\n+XADD\r\n+sg:x\r\n+ERR Unknown Redis command called from script\r\n+registry",
      "it does not know XADD",
      "rename-command",
    ],
  ])("to %s that is %j is the reason, with advice that fits", async (command, reply, message, advice) => {
    expect(await verdict(await answering(command, reply))).toMatchObject({
      message: expect.stringContaining(message),
      advice: expect.stringContaining(advice),
    });
  });

  it("to SELECT, which a proxy may not know, is the reason, and is no question whether it runs", async () => {
    const url = `${await answering("select", "-unsupported command 'select'")}/1`;
    const { message, advice } = await verdict(url);
    expect(message).toBe("database 1 cannot be selected: it does not know SELECT");
    expect(advice).toContain("a proxy does not pass it");
  });

  it("to a database that it does not have names how many there may be", async () => {
    const url = new URL(place.redis.adminUrl);
    url.pathname = "/999";
    expect(await verdict(url.href)).toMatchObject({
      message: "database 999 cannot be selected: there is no such database",
      advice: expect.stringContaining("databases"),
    });
  });
});

describe("F71: a client of the caller's that is taken up", () => {
  it.each<[string, (client: Redis) => void, string]>([
    ["by a command that waits", (client) => void client.brpop("none", 0).catch(() => {}), "in no command that waits"],
    ["by a transaction", (client) => void client.call("MULTI"), "the client is in a transaction. Pass one that is not"],
  ])("%s is asked about", async (_, begin, advice) => {
    const client = place.open(place.redis.adminUrl);
    await client.connect();
    begin(client);
    const tier = new TestTier({ redis: client, pingAttempts: 1, pingTimeoutMs: 500, useHealthServer: false });
    const { error } = await tier.runToCompletion();
    expect(error?.message).toContain(advice);
    expect(error?.message).not.toContain("REDIS_URL");
  });
});

describe("F43: a server that takes no writes for want of replicas", () => {
  it("does not pass the gate", async () => {
    await place.redis.witness.config("SET", "min-replicas-to-write", "1");
    try {
      expect(await verdict(place.redis.url)).toMatchObject({
        message: "it has too few replicas, and takes no writes (min-replicas-to-write)",
        advice: expect.stringContaining("min-replicas-to-write"),
      });
    } finally {
      await place.redis.witness.config("SET", "min-replicas-to-write", "0");
    }
  });
});
