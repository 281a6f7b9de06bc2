import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { afterEach, describe, expect, test, vi } from "vitest";
import { closeRedis, openBlockingConnection, openRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import type { EmbeddedRedis, EmbeddedRedisOptions } from "../../src/redis/embedded/server.ts";
import { findRedisServer, startEmbeddedRedis } from "../../src/redis/embedded/server.ts";
import { spawnServer } from "../../src/redis/embedded/shell.ts";
import { redactUrl, redisUrlProblem, socketUrl } from "../../src/redis/url.ts";
import { isAlive } from "../kit/alive.ts";
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

const withPassword = (text: string, password: string): string => {
  const url = new URL(text);
  url.password = password;
  return url.href;
};

const ask = (url: string): Promise<string> => asked(url, (client) => client.ping());

const asked = async <T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> => {
  const client = openRedis(url);
  try {
    await client.connect();
    return await question(client);
  } finally {
    await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  }
};

/** A listener of another program on a port that an embedded server could take. It records what it receives. */
const squat = async () => {
  const received: string[] = [];
  const server = createServer((socket) => void socket.on("data", (chunk) => received.push(String(chunk))));
  for (let port = 26_999; ; port -= 1) {
    const listening = await once(server.listen(port, "127.0.0.1"), "listening").catch(() => undefined);
    if (listening) return { port, server, received };
  }
};

/** A parent in a process of its own that starts a server and prints its address. */
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

  test("listens on a unix socket in a private folder and on no port, and its URL is valid", async () => {
    const server = await start();
    expect(await ask(server.url)).toBe("PONG");
    expect(isAlive(server.pid)).toBe(true);
    expect(server.port).toBeUndefined();
    expect(redisUrlProblem(server.url)).toBeUndefined();
    expect(redactUrl(server.url)).toBe(`redis://:***@localhost?path=${server.socketPath}`);
    expect(statSync(dirname(server.socketPath)).mode & 0o777).toBe(0o700);
    expect(await asked(server.url, (redis) => redis.config("GET", "port"))).toEqual(["port", "0"]);
  });

  test("every connection that a service opens works over the socket", async () => {
    const { url } = await start();
    const redis = openRedis(url);
    const copies = [openRegistryConnection(redis), openBlockingConnection(redis), redis.duplicate()];
    try {
      for (const client of [redis, ...copies]) {
        if (client.status === "wait") await client.connect();
        expect(await client.ping()).toBe("PONG");
      }
    } finally {
      for (const client of [redis, ...copies]) await closeRedis(client, { signal: AbortSignal.timeout(1000) });
    }
  });

  test("listens on a port too where one is asked for", async () => {
    const server = await start({ port: 0 });
    expect(new URL(server.url).port).toBe(String(server.port));
    expect(await ask(server.url)).toBe("PONG");
  });

  test("refuses commands without its password, on the port and on the socket", async () => {
    const server = await start({ port: 0 });
    const bySocket = socketUrl(server.socketPath, { user: "", password: "guess" });
    await expect(ask(bySocket)).rejects.toThrow();
    await expect(ask(withPassword(server.url, ""))).rejects.toThrow();
    await expect(ask(withPassword(server.url, "guess"))).rejects.toThrow();
  });

  test("several run side by side", async () => {
    const servers = await Promise.all([start({ port: 0 }), start({ port: 0 }), start()]);
    expect(new Set(servers.map(({ pid }) => pid)).size).toBe(3);
    expect(await Promise.all(servers.map(({ url }) => ask(url)))).toEqual(["PONG", "PONG", "PONG"]);
  });

  test("stop ends the server and removes its folder; a second call does nothing", async () => {
    const server = await start();
    await Promise.all([server.stop(), server.stop()]);
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(dirname(server.socketPath))).toBe(false);
    await server.stop();
  });

  test("stop ends a frozen server too", async () => {
    const server = await start();
    process.kill(server.pid, "SIGSTOP");
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect(existsSync(dirname(server.socketPath))).toBe(false);
  });

  test("a start rejects with the reason of its signal, and leaves no folder", async () => {
    const [temporary, fake] = [await mkdtemp("/tmp/sg-"), await mkdtemp("/tmp/sg-fake-")];
    // stands for a server that never answers: a real one may be up before the abort
    await writeFile(`${fake}/redis-server`, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
    vi.stubEnv("TMPDIR", temporary);
    vi.stubEnv("PATH", `${fake}:${process.env.PATH}`);
    try {
      const gone = new AbortController();
      const starting = startEmbeddedRedis({ signal: gone.signal });
      await eventually("the folder is there", () => readdirSync(temporary).length === 1);
      gone.abort(new Error("changed my mind"));
      await expect(starting).rejects.toThrow("changed my mind");
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      for (const folder of [temporary, fake]) await rm(folder, { recursive: true });
    }
  });

  test("a start that is aborted before its shell is up rejects with the reason of its signal", async () => {
    const folder = await mkdtemp("/tmp/sg-");
    const signal = AbortSignal.abort(new Error("changed my mind"));
    await expect(spawnServer({ binary: "/bin/true", folder, signal })).rejects.toThrow("changed my mind");
    await rm(folder, { recursive: true, force: true });
  });

  test("takes another port where the first has a listener", async () => {
    const { port, server: squatter } = await squat();
    const drawn = vi.spyOn(Math, "random").mockReturnValueOnce((port - 20_000) / 7000);
    try {
      const server = await start({ port: 0 });
      expect(drawn.mock.calls.length).toBeGreaterThanOrEqual(2);
      expect(server.port).not.toBe(port);
      expect(await ask(server.url)).toBe("PONG");
    } finally {
      drawn.mockRestore();
      squatter.close();
    }
  });

  test("a listener that holds the port receives no byte, and the start fails", async () => {
    const { port, server: squatter, received } = await squat();
    try {
      await expect(startEmbeddedRedis({ port })).rejects.toMatchObject({
        code: "SG_ERR_REDIS_UNREACHABLE",
        message: expect.stringContaining("Address already in use"),
      });
      expect(received).toEqual([]);
    } finally {
      squatter.close();
    }
  });

  test.each([{}, { port: 0 }])(
    "restart gives an empty server at the same URL, of one that runs and of one that died: %j",
    async (options) => {
      const first = await start(options);
      await asked(first.url, (redis) => redis.set("left", "over"));
      const second = await first.restart();
      started.push(second);
      expect(second.url).toBe(first.url);
      expect(second.pid).not.toBe(first.pid);
      expect(await asked(second.url, (redis) => redis.get("left"))).toBeNull();
      await second.kill();
      await second.ended;
      expect(existsSync(dirname(second.socketPath))).toBe(true);
      const third = await second.restart();
      started.push(third);
      expect(third.url).toBe(first.url);
      expect(await ask(third.url)).toBe("PONG");
    },
  );

  test("stop of a server that was replaced leaves the next one alone", async () => {
    const first = await start();
    const second = await first.restart();
    started.push(second);
    await first.stop();
    expect(await ask(second.url)).toBe("PONG");
  });

  test("a restart that is aborted can be tried again", async () => {
    const first = await start();
    await expect(first.restart({ signal: AbortSignal.abort(new Error("not now")) })).rejects.toThrow("not now");
    const second = await first.restart();
    started.push(second);
    expect(await ask(second.url)).toBe("PONG");
  });

  test("opens its socket in /tmp where the temporary folder's path is too long", async () => {
    vi.stubEnv("TMPDIR", `/tmp/${"long/".repeat(20)}`);
    const server = await start().finally(() => vi.unstubAllEnvs());
    expect(server.socketPath).toMatch(/^\/tmp\/stargazer-redis-\w{6}\/redis\.sock$/);
    expect(await ask(server.url)).toBe("PONG");
  });

  test("a start rejects with the server's message when it refuses its configuration", async () => {
    await expect(startEmbeddedRedis({ config: ["no-such-directive yes"] })).rejects.toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      message: expect.stringContaining("it ended"),
    });
  });
});

describe("an embedded Redis and its parent", () => {
  test("ends, and its folder goes, after its parent was SIGKILLed", async () => {
    const { child, exited, server } = await parent();
    child.kill("SIGKILL");
    await exited;
    await eventually("server and folder are gone", () => !isAlive(server.pid) && !existsSync(server.dir));
  });

  test("does not keep its parent alive, and ends after it", async () => {
    const { child, exited, server } = await parent();
    child.stdin!.end("leave\n");
    expect(await exited).toEqual([0, null]);
    await eventually("server and folder are gone", () => !isAlive(server.pid) && !existsSync(server.dir));
  });

  test("outlives a Ctrl-C in the terminal until its parent stops it", async () => {
    const { child, exited, server } = await parent();
    process.kill(-child.pid!, "SIGINT");
    const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
    expect(line).toBe("after SIGINT: PONG");
    expect(await exited).toEqual([0, null]);
    expect(isAlive(server.pid)).toBe(false);
  });

  test("F51: starts again, at the same URL, where its folder was removed", async () => {
    const server = await start({ user: { name: "limited", rules: ["+ping"] } });
    rmSync(dirname(server.socketPath), { recursive: true });
    const next = await server.restart();
    started.push(next);
    expect([next.url, next.userUrl]).toEqual([server.url, server.userUrl]);
    expect(await ask(next.userUrl)).toBe("PONG");
    expect(statSync(dirname(next.socketPath)).mode & 0o777).toBe(0o700);
  });

  test("F51: is set to a bound of its memory, and to evict nothing", async () => {
    const { url } = await start();
    const settings = await asked(url, (redis) => redis.config("GET", "maxmemory*"));
    expect(settings).toEqual(expect.arrayContaining(["maxmemory", String(256 * 1024 ** 2), "maxmemory-policy", "noeviction"]));
    const small = await start({ maxMemory: "64mb" });
    expect(await asked(small.url, (redis) => redis.config("GET", "maxmemory"))).toEqual(["maxmemory", String(64 * 1024 ** 2)]);
  });

  test("F51: has a user beside the administrator, and no password of either in its folder", async () => {
    const server = await start({ user: { name: "limited", rules: ["~own:*", "+get", "+ping"] } });
    expect(await ask(server.userUrl)).toBe("PONG");
    await expect(asked(server.userUrl, (redis) => redis.get("another"))).rejects.toThrow("NOPERM");
    await expect(asked(server.userUrl, (redis) => redis.config("GET", "*"))).rejects.toThrow("NOPERM");
    const config = readFileSync(join(dirname(server.socketPath), "redis.conf"), "utf8");
    for (const url of [server.url, server.userUrl]) expect(config).not.toContain(new URL(url).password);
  });

  test("its password is not on any command line", async () => {
    const server = await start();
    const { password } = new URL(server.url);
    const list = await new Promise<string>((resolve) => execFile("ps", ["-eo", "args"], (_error, text) => resolve(text)));
    expect(list).toContain("stargazer-redis-");
    expect(list).not.toContain(password);
  });
});
