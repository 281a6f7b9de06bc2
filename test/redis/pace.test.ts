/** While Redis is away a rejection comes in a later turn of the event loop, and at a pace. */
import { EventEmitter } from "node:events";
import type { Redis } from "ioredis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { longestPaceMs, paceRejections } from "../../src/redis/pace.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { startTestRedis } from "../kit/redis.ts";
import { turnsBetween } from "../kit/turns.ts";

const opened: Redis[] = [];
const signal = AbortSignal.timeout(60_000);
/** Connected to a server that has ended since. */
const away = async (): Promise<Redis> => {
  const server = await startTestRedis();
  const client = openRedis(server.url);
  opened.push(client);
  await client.connect();
  const closed = new Promise((resolve) => client.once("close", resolve));
  server.kill();
  await closed;
  await server.stop();
  return client;
};
afterEach(async () => {
  vi.useRealTimers();
  await endPrograms();
  await Promise.all(opened.splice(0).map((client) => closeRedis(client, { signal })));
});

describe("F36: while Redis is away", () => {
  const calls: Record<string, (client: Redis) => Promise<unknown>> = {
    "a command": (client) => client.incr("x"),
    "a script": (client) => client.eval("return 1", 0),
    "a transaction": (client) => client.multi().incr("x").exec(),
    "a pipeline": async (client) => {
      const replies = await client.pipeline().incr("x").get("x").exec();
      throw replies![1]![0];
    },
    "a command of a duplicate": async (client) => {
      const copy = client.duplicate();
      opened.push(copy);
      copy.on("error", () => {});
      return copy.incr("x");
    },
    "a command after the close": async (client) => {
      await closeRedis(client, { signal });
      return client.incr("x");
    },
  };

  it.each(Object.entries(calls))("%s rejects in a later turn of the event loop", async (_what, call) => {
    const client = await away();
    let turned = false;
    // timers of one length fire in their order
    setTimeout(() => {
      turned = true;
    }, 1);
    await expect(call(client)).rejects.toThrow();
    expect(turned).toBe(true);
  });

  it("a loop that catches and goes on leaves the process able to stop in order", async () => {
    const server = await startTestRedis();
    const program = new Program("outage-loop.mjs", { env: { REDIS_URL: server.url } });
    try {
      await program.line("running", ({ to, state }) => to === "running" || state === "running");
      server.kill();
      await program.line("the loop fails", ({ type }) => type === "failing");
      program.child.kill("SIGTERM");
      await program.line("onStop", ({ type }) => type === "onStop");
      expect(await program.ended).toMatchObject({ code: 0, signal: null });
    } finally {
      await server.stop();
    }
  });
});

describe("F36: on a connection that is good", () => {
  const refused: Record<string, (client: Redis) => Promise<() => Promise<unknown>>> = {
    "a command behind a subscription": async (client) => {
      await client.subscribe("sg:news");
      return () => client.get("sg:x");
    },
    "a second connect": async (client) => () => client.connect(),
  };

  it.each(Object.entries(refused))("%s rejects in a later turn of the event loop", async (_what, prepare) => {
    const server = await startTestRedis();
    const client = openRedis(server.url);
    opened.push(client);
    await client.connect();
    expect(await turnsBetween(await prepare(client))).toBe(true);
    await server.stop();
  });
});

describe("the pace of rejections", () => {
  /** A client that rejects every command as it is called. */
  const stub = () => {
    const sendCommand = (command: { reject(error: Error): void }) => command.reject(new Error("away"));
    return paceRejections(Object.assign(new EventEmitter(), { status: "reconnecting", sendCommand, duplicate() {} }) as never, {
      ...systemClock,
      setTimeout: (fn, ms) => setTimeout(fn, ms),
      clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
    }) as Redis;
  };

  it("doubles from 1 ms to its bound, begins again once the client is ready, and ends with the client", () => {
    vi.useFakeTimers();
    const client = stub();
    const rejected: string[] = [];
    const call = (name: string) => client.sendCommand({ reject: () => void rejected.push(name) } as never);
    const waits = [1, 2, 4, 8, 16, 32, longestPaceMs, longestPaceMs];
    for (const ms of waits) {
      call("one");
      call("another");
      vi.advanceTimersByTime(ms - 1);
      expect(rejected).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(rejected.splice(0)).toEqual(["one", "another"]);
    }
    client.emit("ready");
    call("after an outage");
    vi.advanceTimersByTime(1);
    expect(rejected.splice(0)).toEqual(["after an outage"]);
    call("at the end");
    client.emit("end");
    expect(rejected).toEqual(["at the end"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
