/** An error carries the reply of Redis, with the command and the key, and with advice that fits. */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { inspect } from "node:util";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { pingGate } from "../../src/redis/ping.ts";
import { reasonOf, withoutCommand } from "../../src/redis/reason.ts";
import { runScript, script } from "../../src/redis/script.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
const opened: Redis[] = [];
const soon = () => AbortSignal.timeout(deadlines.fact);
const opening = (url: string): Redis => {
  const client = openRedis(url);
  opened.push(client);
  return client;
};
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal: soon() })));
});
afterAll(() => redis.stop());

const limited = async (...rules: string[]): Promise<Redis> => {
  await redis.witness.acl("SETUSER", "limited", "reset", "on", ">pw", "&*", ...rules);
  const url = new URL(redis.url);
  [url.username, url.password] = ["limited", "pw"];
  const client = opening(url.href);
  await client.connect();
  return client;
};
const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe("F43: an error in a script", () => {
  const sha = "0".repeat(40);
  it.each([
    "READONLY You can't write against a read only replica.",
    `READONLY You can't write against a read only replica. script: ${sha}, on @user_script:6.`,
    "@user_script: 6: -READONLY You can't write against a read only replica.\r\n",
    `ERR Error running script (call to f_${sha}): @user_script:2: @user_script: 2: -READONLY You can't write against a read only replica.`,
  ])("is the one of Redis, wherever a version has the place in the script: %j", (message) => {
    expect(reasonOf(new Error(message))).toBe("a read-only replica");
  });
});

describe("a command whose connection broke", () => {
  it("has a reason in words, not the option of the client", () => {
    const message = 'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.';
    expect(reasonOf(new Error(message))).toBe("connection lost");
  });
});

describe("F45: a refused permission", () => {
  it("names the command, and the key with its command, also once the command was taken out of the error", async () => {
    const client = await limited("~mine:*", "+@all", "-incr");
    const [command, key, inScript] = await Promise.all([
      errorOf(client.incr("mine:x")),
      errorOf(client.set("yours:x", "secret")),
      errorOf(client.eval("return 1", 1, "yours:y")),
    ]);
    for (const read of [(error: unknown) => error, withoutCommand]) {
      expect(reasonOf(read(command))).toBe("its user may not run INCR");
      expect(reasonOf(read(key))).toBe("its user may not use the key yours:x (SET)");
      expect(reasonOf(read(inScript))).toBe("its user may not use the key yours:y (EVAL)");
    }
    expect(inspect(withoutCommand(key), { depth: 10, showHidden: true })).not.toContain("secret");
  });

  it("of PING is the verdict of the gate, with advice", async () => {
    const client = await limited("~*", "+@all", "-ping");
    await expect(pingGate(client, { owned: true, signal: soon() })).rejects.toMatchObject({
      message: "its user may not run PING",
      advice: "Grant it to the user with ACL SETUSER.",
    });
  });
});

describe("F45: a script that fails", () => {
  it("shows neither its source nor where in it", async () => {
    const failing = script("return redis.call('INCR', KEYS[1]) -- the source");
    await redis.witness.set("text", "no number");
    for (const _how of ["by its text", "by its hash"]) {
      const error = await errorOf(runScript(redis.witness, failing, { keys: ["text"], args: [] }));
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("the source");
      expect(reasonOf(error)).toBe("ERR value is not an integer or out of range");
      await redis.witness.script("LOAD", failing.lua);
    }
  });
});

describe("F45: TLS on one side only", () => {
  const sockets = new Set<Socket>();
  const serving = async (answer: (socket: Socket) => void): Promise<{ port: number; stop: () => void }> => {
    const server = createServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      socket.on("data", () => answer(socket));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const stop = () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    };
    return { port: (server.address() as AddressInfo).port, stop };
  };

  it("of the client is named, with the way on", async () => {
    const plain = await serving((socket) => socket.write("-ERR Protocol error\r\n"));
    try {
      const gate = pingGate(opening(`rediss://127.0.0.1:${plain.port}`), { owned: true, signal: soon() });
      await expect(gate).rejects.toMatchObject({
        message: "its port does not speak TLS",
        advice: "Write redis:// instead of rediss://.",
      });
    } finally {
      plain.stop();
    }
  });

  it("of the server is named, with the way on", async () => {
    // the alert protocol_version
    const encrypted = await serving((socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])));
    try {
      const gate = pingGate(opening(`redis://127.0.0.1:${encrypted.port}`), { owned: true, signal: soon() });
      await expect(gate).rejects.toMatchObject({
        message: "its port speaks TLS only",
        advice: "Write rediss:// instead of redis://, or pass a client with the option tls.",
      });
    } finally {
      encrypted.stop();
    }
  });
});
