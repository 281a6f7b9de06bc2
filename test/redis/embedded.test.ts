import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { reservePort } from "../../src/redis/embedded/port-reservation.ts";
import type { EmbeddedRedis, EmbeddedRedisOptions } from "../../src/redis/embedded/server.ts";
import { findRedisServer, startEmbeddedRedis } from "../../src/redis/embedded/server.ts";
import { eventually } from "../kit/wait.ts";

const started: EmbeddedRedis[] = [];
const start = async (options?: EmbeddedRedisOptions): Promise<EmbeddedRedis> => {
  const server = await startEmbeddedRedis(options);
  started.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const withPassword = (text: string, password: string): string => {
  const url = new URL(text);
  url.password = password;
  return url.href;
};

const ask = async (url: string): Promise<string> => {
  const client = openRedis(url);
  try {
    await client.connect();
    return await client.ping();
  } finally {
    await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  }
};

/** A parent in a process of its own that starts a server and says where it is. */
const parent = async () => {
  const program = fileURLToPath(new URL("../fixtures/embedded-parent.mjs", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  return { child, exited: once(child, "exit"), server: JSON.parse(line) as { pid: number; url: string; dir: string } };
};

describe("an embedded Redis", () => {
  test("is a real server", () => {
    expect(findRedisServer()).toMatch(/(redis|valkey)-server$/);
  });

  test.each(["port", "socket"] as const)("answers at its URL, kind %s", async (kind) => {
    const server = await start({ kind });
    expect(await ask(server.url)).toBe("PONG");
    expect(isAlive(server.pid)).toBe(true);
    expect(server.port).not.toBe(6379);
  });

  test("is up within 100 ms", async () => {
    const times: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const began = performance.now();
      await start();
      times.push(performance.now() - began);
    }
    expect(Math.min(...times)).toBeLessThan(100);
  });

  test("lets nobody in without its password", async () => {
    const server = await start();
    await expect(ask(withPassword(server.url, ""))).rejects.toThrow();
    await expect(ask(withPassword(server.url, "guess"))).rejects.toThrow();
  });

  test("several live side by side", async () => {
    const servers = await Promise.all([start(), start(), start({ kind: "socket" })]);
    expect(new Set(servers.map(({ pid }) => pid)).size).toBe(3);
    expect(await Promise.all(servers.map(({ url }) => ask(url)))).toEqual(["PONG", "PONG", "PONG"]);
  });

  test("stop ends the server and removes its folder, every time it is called", async () => {
    const server = await start({ kind: "socket" });
    await Promise.all([server.stop(), server.stop()]);
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(dirname(server.socketPath!))).toBe(false);
    await server.stop();
  });

  test("a frozen server is stopped all the same", async () => {
    const server = await start({ kind: "socket" });
    process.kill(server.pid, "SIGSTOP");
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(dirname(server.socketPath!))).toBe(false);
  });

  test("a start that is aborted leaves nothing", async () => {
    const gone = new AbortController();
    const starting = startEmbeddedRedis({ signal: gone.signal });
    gone.abort(new Error("changed my mind"));
    await expect(starting).rejects.toThrow("changed my mind");
  });

  test("tries another port where somebody else came first", async () => {
    const foreign = createServer();
    const draw = Math.random();
    const drawn = vi.spyOn(Math, "random").mockReturnValueOnce(draw).mockReturnValueOnce(draw);
    try {
      const { port, release } = await reservePort();
      release();
      // on an address where nobody looks before the server does
      await once(foreign.listen(port, "127.0.0.2"), "listening");
      const server = await start({ config: ["bind 127.0.0.1 127.0.0.2"] });
      expect(drawn.mock.calls.length).toBeGreaterThanOrEqual(3);
      expect(server.port).not.toBe(port);
      expect(await ask(server.url)).toBe("PONG");
    } finally {
      drawn.mockRestore();
      foreign.close();
    }
  });

  test("a server that refuses its configuration is an error with its words, not a wait", async () => {
    await expect(startEmbeddedRedis({ config: ["no-such-directive yes"] })).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      message: expect.stringContaining("it ended"),
    });
  });
});

describe("an embedded Redis and its parent", () => {
  test("is gone, with its folder, 200 ms after its parent was SIGKILLed", async () => {
    const { child, exited, server } = await parent();
    child.kill("SIGKILL");
    await exited;
    await eventually("server and folder are gone", () => !isAlive(server.pid) && !existsSync(server.dir), { timeoutMs: 200 });
  });

  test("is gone after its parent exited without stopping it, and does not keep it alive", async () => {
    const { child, exited, server } = await parent();
    child.stdin!.end("leave\n");
    expect(await exited).toEqual([0, null]);
    await eventually("server and folder are gone", () => !isAlive(server.pid) && !existsSync(server.dir), { timeoutMs: 1000 });
  });

  test("outlives a Ctrl-C in the terminal until its parent lets it go", async () => {
    const { child, exited, server } = await parent();
    process.kill(-child.pid!, "SIGINT");
    const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    expect(line).toBe("after SIGINT: PONG");
    expect(await exited).toEqual([0, null]);
    expect(isAlive(server.pid)).toBe(false);
  });

  test("its password is not on any command line", async () => {
    const server = await start();
    const { password } = new URL(server.url);
    const list = await new Promise<string>((resolve) => execFile("ps", ["-eo", "args"], (_error, text) => resolve(text)));
    expect(list).toContain("stargazer-redis-");
    expect(list).not.toContain(password);
  });
});
