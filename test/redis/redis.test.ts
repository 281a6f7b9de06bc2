import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer, connect as netConnect } from "node:net";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { StargazerError } from "../../src/errors.ts";
import {
  closeRedis,
  dropConnection,
  lastErrorOf,
  openBlockingConnection,
  openRedis,
  openRegistryConnection,
  whenReady,
} from "../../src/redis/connection.ts";
import { clusterTag, keysBehind } from "../../src/redis/keys.ts";
import { pingGate } from "../../src/redis/ping.ts";
import { reconnectDelay } from "../../src/redis/roles.ts";
import { redactUrl, redisUrlProblem, socketUrl } from "../../src/redis/url.ts";
import { deadlines } from "../kit/deadlines.ts";
import { connectionsTo } from "../kit/leftovers.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let proxy: LoopbackProxy;
const opened: Redis[] = [];

/** Closed at the end of the test. */
const open = (url: string): Redis => {
  const client = openRedis(url);
  opened.push(client);
  return client;
};
const soon = (): AbortSignal => AbortSignal.timeout(deadlines.fact);
const gate = (client: Redis, { owned = true, signal = soon() } = {}): Promise<StargazerError | "passed"> =>
  pingGate(client, { owned, signal }).then(
    () => "passed" as const,
    (error: StargazerError) => error,
  );
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal: soon() })));
  proxy.mode = "pass";
  await proxy.accept();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

describe("a Redis URL", () => {
  test.each([
    "redis://localhost",
    "redis://127.0.0.1:6390/3",
    "rediss://user:p%40ss@example.org:6380",
    "redis://:secret@[::1]:6390/",
    "redis://:secret@localhost?path=%2Ftmp%2Fr.sock",
  ])("%s can be opened", (url) => {
    expect(redisUrlProblem(url)).toBeUndefined();
  });

  test.each([
    "",
    "localhost:port:x",
    "http://secret@host",
    "redis://",
    "redis://u:12/secret@host",
    "redis://u:%zzsecret@host",
    " redis://:secret@host",
    '"redis://:secret@host"',
    "secret",
    "/tmp/redis.sock",
    "unix:///tmp/redis.sock",
    "redis://:secret@localhost?path=redis.sock",
    `redis://:secret@localhost?path=/${"x".repeat(107)}`,
  ])("'%s' is refused, and the reason does not have its password", (url) => {
    expect(redisUrlProblem(url)).toEqual(expect.any(String));
    expect(redisUrlProblem(url)).not.toContain("secret");
  });

  test("quotes around a URL are named, which docker's --env-file keeps", () => {
    for (const quote of ['"', "'"])
      expect(redisUrlProblem(`${quote}redis://host:6379${quote}`)).toMatch(/^begins with a quote: /);
  });

  test("a unix socket's URL is made and read in the same form, by ioredis too", () => {
    const path = "/tmp/a folder+100%/redis.sock";
    const url = socketUrl(path, { user: "", password: "p@ss/word" });
    expect(redisUrlProblem(url)).toBeUndefined();
    expect(openRedis(url).options).toMatchObject({ path, password: "p@ss/word" });
    expect(openRedis(url).duplicate().options).toMatchObject({ path, password: "p@ss/word" });
  });

  test.each([
    ["redis://host:6390/2", "redis://host:6390/2"],
    ["redis://user:secret@host", "redis://user:***@host"],
    ["redis://:secret@host:6390/1", "redis://:***@host:6390/1"],
    ["redis://secret@host", "redis://***@host"],
    ["rediss://host?password=secret", "rediss://host"],
    ["redis://user:12/secret@host", "redis://user:12/***"],
    ["redis://user:12#secret@host", "redis://user:12"],
    ["redis://user:se cret", "(not a URL)"],
    ["redis://:secret@localhost?path=/tmp/r.sock", "redis://:***@localhost?path=/tmp/r.sock"],
  ])("%s is shown as %s", (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});

describe("keys", () => {
  test("have one hash tag on a Cluster and none elsewhere", () => {
    const keys = keysBehind((prefix) => ({ entry: `${prefix}sg:entry` }));
    expect(keys({ isCluster: false }).entry).toBe("sg:entry");
    expect(keys({ isCluster: true }).entry).toBe(`${clusterTag}sg:entry`);
  });
});

describe("connections", () => {
  test("F57: those who wait for one attempt share its listeners on the client, and leave none", async () => {
    const client = new Redis(redis.url);
    opened.push(client);
    const counts = () => ["ready", "close", "end"].map((event) => client.listenerCount(event));
    const before = counts();
    const waits = Array.from({ length: 15 }, () => whenReady(client, { reopen: false, signal: soon() }));
    const aborted = whenReady(client, { reopen: false, signal: AbortSignal.abort(new Error("enough")) });
    expect(counts()).toEqual(before.map((count) => count + 1));
    await expect(aborted).rejects.toThrow("enough");
    await Promise.all(waits);
    const ready = before.map((count) => count + 1);
    expect(counts().every((count, at) => count < ready[at]!)).toBe(true);
  });

  test("reconnect after 0 to 2 s, spread evenly", () => {
    const delays = Array.from({ length: 1000 }, (_, i) => reconnectDelay(20, () => i / 1000));
    expect(Math.max(...delays)).toBeLessThanOrEqual(2000);
    expect(delays.filter((ms) => ms < 1000)).toHaveLength(500);
    expect(reconnectDelay(1, () => 1)).toBe(100);
    expect(reconnectDelay(100_000, () => 1)).toBe(2000);
  });

  test("take user, password and database from the URL", async () => {
    await redis.witness.acl("SETUSER", "reader", "on", ">p@ss/word", "~*", "&*", "+@all");
    const client = open(`redis://reader:${encodeURIComponent("p@ss/word")}@127.0.0.1:${redis.port}/3`);
    await client.connect();
    expect(await client.acl("WHOAMI")).toBe("reader");
    expect(await client.client("INFO")).toContain(" db=3 ");
  });

  test("reconnect after an outage, and have its reason until then", async () => {
    const client = open(proxy.through(redis.adminUrl));
    await client.connect();
    await proxy.refuse();
    await eventually("the client has the reason", () => lastErrorOf(client));
    await proxy.accept();
    await eventually("it works again", async () => (await client.ping()) === "PONG");
    expect(lastErrorOf(client)).toBeUndefined();
  });

  test("stay open while they are idle", async () => {
    const client = openRedis(redis.adminUrl, { socketTimeout: 1000 });
    opened.push(client);
    await client.connect();
    const { stream } = client;
    await redis.witness.debug("SLEEP", 1.2);
    expect(await client.ping()).toBe("PONG");
    expect(client.stream).toBe(stream);
  });

  test("reject a command without an answer", async () => {
    const client = openRedis(proxy.through(redis.adminUrl), { commandTimeout: 50 });
    opened.push(client);
    await client.connect();
    proxy.mode = "stall";
    await expect(client.ping()).rejects.toThrow("Command timed out");
  });

  test("a copy for the registry has neither queue nor retries, and leaves the caller's client as it was", async () => {
    const theirs = new Redis(redis.adminUrl, { lazyConnect: true, retryStrategy: () => null });
    opened.push(theirs);
    await theirs.connect();
    const before = inspect(theirs.options);
    const copy = openRegistryConnection(theirs) as Redis;
    opened.push(copy);
    expect(copy.status).toBe("wait");
    await copy.connect();
    expect(copy.options).toMatchObject({ enableOfflineQueue: false, maxRetriesPerRequest: 0 });
    await closeRedis(copy, { signal: soon() });
    expect(inspect(theirs.options)).toBe(before);
    expect(theirs.status).toBe("ready");
  });

  test("a blocking read waits longer than the deadline of a command", async () => {
    const client = open(redis.adminUrl);
    await client.connect();
    const blocking = openBlockingConnection(client) as Redis;
    opened.push(blocking);
    const read = blocking.xread("BLOCK", 2000, "STREAMS", "a-stream", "$");
    await eventually("it is blocked", async () => (await redis.witness.info("clients")).includes("blocked_clients:1"));
    await redis.witness.xadd("a-stream", "*", "k", "v");
    expect((await read)?.[0]?.[0]).toBe("a-stream");
  });

  const waits = async (client: Redis) => {
    await client.connect();
    await proxy.refuse();
    await eventually("it waits to reconnect", () => client.status === "reconnecting");
    return [];
  };
  const stalls = async (client: Redis) => {
    await client.connect();
    proxy.mode = "stall";
    return [client.ping()];
  };

  /** The condition of a client before it is closed; each resolves with the commands in flight. */
  const situations: Record<string, (client: Redis) => Promise<readonly Promise<unknown>[]>> = {
    ready: async (client) => {
      await client.connect();
      return [];
    },
    wait: async () => [],
    reconnecting: waits,
    "connected before its wait was over, at the second attempt": async (client) => {
      await waits(client);
      await expect(client.connect()).rejects.toThrow();
      await proxy.accept();
      // where the machine stalls the wait is over first, and the client connects by itself
      await client.connect().catch(() => whenReady(client, { reopen: false, signal: soon() }));
      return [];
    },
    dropped: async (client) => {
      const inFlight = await stalls(client);
      await dropConnection(client);
      return inFlight;
    },
    frozen: stalls,
    blocked: async (client) => {
      await client.connect();
      return [client.xread("BLOCK", 60_000, "STREAMS", "nothing", "$")];
    },
    "black hole": async (client) => {
      proxy.mode = "stall";
      const connecting = client.connect();
      await eventually("it is under way", () => client.status === "connect");
      return [connecting];
    },
  };
  /** ms; longer than what a situation does during the wait to reconnect */
  const retryMs = 300;

  test.each(Object.entries(situations))(
    "closing leaves neither socket nor timer when the connection is: %s",
    async (_how, comesAbout) => {
      const before = await connectionsTo(redis);
      const client = openRedis(proxy.through(redis.adminUrl), { commandTimeout: 60_000, retryStrategy: () => retryMs });
      const inFlight = Promise.allSettled(await comesAbout(client));
      await closeRedis(client, { signal: new AbortController().signal });
      let reopened = 0;
      client.on("connecting", () => (reopened += 1));
      await inFlight;
      expect(client.stream?.destroyed ?? true).toBe(true);
      const left = async () => (await connectionsTo(redis)).filter((id) => !before.includes(id));
      await eventually("Redis has seen it go", async () => (await left()).length === 0 && proxy.open === 0);
      // of timers of one length the one that was set last fires last
      await pause(retryMs);
      expect(reopened).toBe(0);
    },
  );

  test("closing works twice, and with a signal that has aborted", async () => {
    const client = openRedis(redis.adminUrl);
    await client.connect();
    await closeRedis(client, { signal: AbortSignal.abort() });
    await closeRedis(client, { signal: soon() });
    expect(client.status).toBe("end");
  });
});

describe("a database that cannot be selected", () => {
  const at = (database: number, user?: string): string => {
    const url = new URL(redis.adminUrl);
    if (user !== undefined) [url.username, url.password] = [user, "pw"];
    url.pathname = `/${database}`;
    return url.href;
  };
  const user = (name: string, ...rules: string[]) =>
    redis.witness.acl("SETUSER", name, "on", ">pw", "~*", "&*", "+@all", ...rules);
  const refused = "database 2 cannot be selected: its user may not run SELECT";

  test.each([
    ["does not exist", "database 99 cannot be selected: there is no such database", 99, undefined],
    ["is not for this user", refused, 2, "unselective"],
  ])("fails the ping gate when it %s, with its number in the reason", async (_how, message, database, name) => {
    await user("unselective", "-select");
    const client = open(at(database, name));
    for (let attempt = 1; attempt <= 2; attempt += 1)
      expect(await gate(client)).toMatchObject({ code: "SG_ERR_REDIS_UNREACHABLE", message });
  });

  test("is not the reason where the password is wrong", async () => {
    await user("stranger");
    const client = open(at(2, "stranger").replace("pw", "px"));
    expect(await gate(client)).toMatchObject({ message: "wrong user or password" });
    expect(await gate(open(at(2).replace(redis.password, "")))).toMatchObject({
      message: "a password is required",
    });
  });

  test("leaves database 0 alone on every connection, also on one that reconnects, until it can be selected", async () => {
    await user("fickle");
    const commands = open(at(2, "fickle"));
    const roles = { commands, registry: openRegistryConnection(commands), blocking: openBlockingConnection(commands) };
    opened.push(roles.registry as Redis, roles.blocking as Redis);
    await Promise.all(Object.values(roles).map((client) => client.connect()));
    await user("fickle", "-select");
    await redis.witness.client("KILL", "USER", "fickle");
    for (const [role, client] of Object.entries(roles)) {
      await eventually(`${role} has the reason`, () => String(lastErrorOf(client)).includes(refused));
      await expect(client.set(`written by ${role}`, "")).rejects.toThrow();
    }
    expect(await redis.witness.keys("written by *")).toEqual([]);
    await user("fickle", "+select");
    for (const [role, client] of Object.entries(roles))
      await eventually(`${role} works again`, async () => (await client.set(`written by ${role}`, "")) === "OK");
    expect(await redis.witness.keys("written by *")).toEqual([]);
  });
});

describe("a process", () => {
  test.each(["ready", "refused", "wrong password", "full"])(
    "ends by itself once its connection is closed, when Redis was %s",
    async (how) => {
      const other = await startTestRedis();
      try {
        if (how === "full") await other.witness.config("SET", "maxclients", "1");
        const url =
          how === "refused"
            ? "redis://127.0.0.1:1"
            : how === "wrong password"
              ? other.adminUrl.replace(other.password, "x")
              : other.adminUrl;
        const program = fileURLToPath(new URL("../fixtures/close-and-end.mjs", import.meta.url));
        const child = spawn(process.execPath, [program, url], { stdio: ["ignore", "pipe", "inherit"] });
        const exited = once(child, "exit");
        const [left] = await once(child.stdout!, "data");
        expect(JSON.parse(String(left))).toEqual([]);
        expect(await exited).toEqual([0, null]);
      } finally {
        await other.stop();
      }
    },
  );
});

describe("the ping gate", () => {
  test("passes when Redis answers, on an owned client and on the caller's, connected or not", async () => {
    expect(await gate(open(redis.adminUrl))).toBe("passed");
    const theirs = open(redis.adminUrl);
    expect(await gate(theirs, { owned: false })).toBe("passed");
    expect(await gate(theirs, { owned: false })).toBe("passed");
  });

  test("rejects with the reason when the port refuses, each time", async () => {
    const client = open(proxy.through(redis.adminUrl));
    await proxy.refuse();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const refused = await gate(client);
      expect(refused).toMatchObject({ code: "SG_ERR_REDIS_UNREACHABLE", message: "connection refused" });
      expect((refused as StargazerError).cause).toMatchObject({ code: "ECONNREFUSED" });
    }
    await proxy.accept();
    expect(await gate(client)).toBe("passed");
  });

  test("connects anew at each attempt, however long the client would wait to reconnect", async () => {
    const client = openRedis(proxy.through(redis.adminUrl), { retryStrategy: () => 60_000 });
    opened.push(client);
    await proxy.refuse();
    let connecting = 0;
    client.on("connecting", () => (connecting += 1));
    for (let attempt = 1; attempt <= 12; attempt += 1)
      expect(await gate(client)).toMatchObject({ message: "connection refused" });
    expect(connecting).toBe(12);
    await proxy.accept();
    expect(await gate(client)).toBe("passed");
  });

  test("rejects when its signal aborts before an answer, and the next attempt has a new connection", async () => {
    const client = open(proxy.through(redis.adminUrl));
    proxy.mode = "stall";
    expect(await gate(client, { signal: AbortSignal.timeout(100) })).toMatchObject({
      code: "SG_ERR_REDIS_UNREACHABLE",
      message: "no answer in time",
    });
    const { connections } = proxy;
    proxy.mode = "pass";
    expect(await gate(client)).toBe("passed");
    expect(proxy.connections).toBeGreaterThan(connections);
    await eventually("only the new one is left", () => proxy.open === 1);
  });

  test.each([
    ["connects", async (_client: Redis) => {}],
    ["is connected", (client: Redis) => client.connect()],
  ])("an attempt that begins while the client that %s is being dropped has a new connection", async (_what, begun) => {
    const client = open(proxy.through(redis.adminUrl));
    await begun(client);
    proxy.mode = "stall";
    const ending = new AbortController();
    const first = gate(client, { signal: ending.signal });
    await eventually("it is connected", () => proxy.open > 0 && client.status !== "connecting");
    ending.abort();
    // before the event loop closes the socket, as where both timers are due at once
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const second = gate(client);
    proxy.mode = "pass";
    expect([await first, await second]).toMatchObject([{ message: "no answer in time" }, "passed"]);
  });

  test("rejects when its signal aborts before the connection is accepted", async () => {
    const deaf = await startTestRedis({ config: ["tcp-backlog 1"] });
    const crowd: Socket[] = [];
    try {
      deaf.freeze();
      await eventually("its backlog is full", async () => {
        const socket = netConnect(deaf.port, "127.0.0.1").on("error", () => {});
        crowd.push(socket);
        await once(socket, "connect", { signal: AbortSignal.timeout(100) }).catch(() => {});
        // after a stall the timer comes before the event of a connection that was made meanwhile
        await turn();
        return socket.connecting;
      });
      const client = open(deaf.url);
      const ending = new AbortController();
      const waiting = gate(client, { signal: ending.signal });
      await eventually("it connects", () => client.stream?.connecting);
      ending.abort();
      expect(await waiting).toMatchObject({ message: "no answer in time" });
      expect(client.stream.destroyed).toBe(true);
      await closeRedis(client, { signal: soon() });
    } finally {
      for (const socket of crowd) socket.destroy();
      deaf.thaw();
      await deaf.stop();
    }
  });

  test("rejects with the reason when Redis accepts no more clients", async () => {
    const full = await startTestRedis();
    try {
      await full.witness.config("SET", "maxclients", "1");
      expect(await gate(open(full.url))).toMatchObject({
        message: expect.stringMatching(/maximum of clients|maxclients|reset|closed/),
      });
    } finally {
      await full.stop();
    }
  });

  test("rejects while Redis is frozen, also on a connection that was ready", async () => {
    const client = open(redis.adminUrl);
    await client.connect();
    redis.freeze();
    try {
      expect(await gate(client, { signal: AbortSignal.timeout(100) })).toMatchObject({ message: "no answer in time" });
    } finally {
      redis.thaw();
    }
    expect(await gate(client)).toBe("passed");
  });

  test("passes when Redis is slow but in time", async () => {
    proxy.mode = "slow";
    proxy.delayMs = 20;
    expect(await gate(open(proxy.through(redis.adminUrl)))).toBe("passed");
  });

  test("rejects with the reason when the connection is reset", async () => {
    proxy.mode = "reset";
    expect(await gate(open(proxy.through(redis.adminUrl)))).toMatchObject({ message: "connection reset" });
  });

  test.each([
    ["wrong user or password", "open-sesame"],
    ["a password is required", ""],
  ])("rejects with '%s', and the password is nowhere in the error", async (message, password) => {
    const url = new URL(redis.adminUrl);
    url.password = password;
    const error = await gate(open(url.href));
    expect(error).toMatchObject({ code: "SG_ERR_REDIS_UNREACHABLE", message });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("open-sesame");
  });

  test("rejects a read-only replica", async () => {
    await redis.witness.config("SET", "repl-diskless-sync-delay", "0");
    const replica = await startTestRedis({
      config: [`replicaof 127.0.0.1 ${redis.port}`, `masterauth ${redis.password}`],
    });
    try {
      await eventually("the replica follows", async () =>
        (await replica.witness.info("replication")).includes("master_link_status:up"),
      );
      expect(await gate(open(replica.url))).toMatchObject({ message: "a read-only replica" });
      expect(await gate(open(replica.url), { owned: false })).toMatchObject({ message: "a read-only replica" });
    } finally {
      await replica.stop();
    }
  });

  test("passes by PING for a user without INFO", async () => {
    await redis.witness.acl("SETUSER", "plain", "on", ">pw", "~*", "&*", "+@all", "-info");
    const url = new URL(redis.adminUrl);
    url.username = "plain";
    url.password = "pw";
    expect(await gate(open(url.href))).toBe("passed");
  });

  test("rejects with the reason while Redis loads its data, and does not wait for its deadline", async () => {
    const fake = await FakeLoadingRedis.start();
    try {
      const client = open(`redis://127.0.0.1:${fake.port}`);
      const signal = AbortSignal.timeout(deadlines.test);
      expect(await gate(client, { signal })).toMatchObject({ message: "loading its data" });
      expect(await gate(client, { signal })).toMatchObject({ message: "loading its data" });
      expect(signal.aborted).toBe(false);
      fake.loading = false;
      expect(await gate(client)).toBe("passed");
    } finally {
      await fake.stop();
    }
  });

  test("never disconnects a client of the caller's", async () => {
    const theirs = open(proxy.through(redis.adminUrl));
    await theirs.connect();
    const { stream } = theirs;
    proxy.mode = "stall";
    await gate(theirs, { owned: false, signal: AbortSignal.timeout(50) });
    expect(theirs.status).toBe("ready");
    expect(theirs.stream).toBe(stream);
    expect(stream.destroyed).toBe(false);
  });

  test("rejects a client that its owner has closed, and does not open it", async () => {
    const theirs = open(redis.adminUrl);
    await theirs.connect();
    await closeRedis(theirs, { signal: soon() });
    expect(await gate(theirs, { owned: false })).toMatchObject({ message: "connection closed" });
    expect(theirs.status).toBe("end");
  });

  test("rejects a client with an open transaction", async () => {
    const theirs = open(redis.adminUrl);
    await theirs.connect();
    await theirs.multi({ pipeline: false });
    expect(await gate(theirs, { owned: false })).toMatchObject({ message: "the client is in a transaction" });
  });

  test("leaves no listener on the client, when it passes and when it rejects", async () => {
    const theirs = open(proxy.through(redis.adminUrl));
    await theirs.connect();
    const count = () => theirs.eventNames().reduce((sum, name) => sum + theirs.listenerCount(name), 0);
    const before = count();
    await gate(theirs, { owned: false });
    proxy.mode = "stall";
    await gate(theirs, { owned: false, signal: AbortSignal.timeout(20) });
    expect(count()).toBe(before);
  });
});

/** Answers as a server does while it reads its data from disk: HELLO and INFO work, nothing else. */
class FakeLoadingRedis {
  loading = true;
  port = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));

  static async start(): Promise<FakeLoadingRedis> {
    const fake = new FakeLoadingRedis();
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    fake.port = (fake.#server.address() as AddressInfo).port;
    return fake;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding("utf8").on("error", () => {});
    socket.on("data", (text) => {
      for (const [, name] of String(text).matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g))
        socket.write(this.#answer(name!.toLowerCase()));
    });
  }

  #answer(name: string): string {
    const info = `loading:${this.loading ? 1 : 0}\r\nloading_eta_seconds:1\r\nrole:master\r\n`;
    if (name === "hello") return "%1\r\n+proto\r\n:3\r\n";
    if (name === "info") return `$${info.length}\r\n${info}\r\n`;
    if (name === "client") return "+OK\r\n";
    return this.loading ? "-LOADING Redis is loading the dataset in memory\r\n" : "+PONG\r\n";
  }
}
