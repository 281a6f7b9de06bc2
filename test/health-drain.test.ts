/** Draining and closing the health server, with its port on the main thread and on the probe thread: faults F1 to F4, and what is left. */
import { once } from "node:events";
import { Agent } from "node:http";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import { HealthServer } from "../src/health/server.ts";
import { turnedSource } from "./kit/health-source.ts";
import { ask, dial } from "./kit/http-client.ts";

const never = new AbortController().signal;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const stickyAgent = () => {
  const agent = new Agent({ keepAlive: true });
  endings.push(() => agent.destroy());
  return agent;
};

/** In which order what happens happens. */
const orderOf = async (...named: [string, Promise<unknown>][]): Promise<string[]> => {
  const order: string[] = [];
  await Promise.all(named.map(([name, promise]) => promise.then(() => order.push(name))));
  return order;
};

/** A connection that the server has accepted: it was made before one that got an answer. */
const accepted = async (port: number) => {
  const line = await dial(port);
  endings.push(() => line.socket.destroy());
  line.socket.on("error", () => {});
  await ask(port, "/healthz");
  return line;
};

/** The connection is over, however it ended. */
const gone = (socket: Socket) => new Promise((resolve) => socket.once("close", resolve));

const openResources = () => process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|Timer|Worker|MessagePort/.test(name));
const openedSince = (before: readonly string[]) => {
  const rest = [...before];
  return openResources().filter((name) => (rest.includes(name) ? void rest.splice(rest.indexOf(name), 1) : true));
};

/** Four clients at once, each request on a connection of its own; says so after every 100 answers, at the end tells what came. */
const knock = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const outcomes = {};
const note = (name) => { outcomes[name] = (outcomes[name] ?? 0) + 1; return name; };
const once = () => new Promise((resolve) => {
  get({ host: "127.0.0.1", port: workerData.port, path: "/healthz", agent: false }, (answer) => {
    answer.on("error", (error) => resolve(note("half way: " + error.code)));
    answer.resume().on("end", () => resolve(note(String(answer.statusCode))));
  }).on("error", (error) => resolve(note(error.code)));
});
const knocking = async () => {
  while ((await once()) === "200") if (outcomes[200] % 100 === 0) parentPort.postMessage("knocked");
};
Promise.all([knocking(), knocking(), knocking(), knocking()]).then(() => parentPort.postMessage(outcomes));
`;

describe.each([
  { probeThread: false, on: "the main thread" },
  { probeThread: true, on: "the probe thread" },
])("on $on", ({ probeThread }) => {
  const open = async (own: Parameters<typeof turnedSource>[0] = {}) => {
    const source = turnedSource(own);
    const server = new HealthServer({ host: "127.0.0.1", port: 0, source, probeThread });
    endings.push(() => server.destroy());
    const { port } = await server.open(never);
    return { source, server, port };
  };

  test("from the moment stopping begins /readyz is 503 and /healthz 200, and every answer ends its connection", async () => {
    const { source, port } = await open();
    const agent = stickyAgent();
    expect((await ask(port, "/readyz", { agent })).headers.connection).toBe("keep-alive");
    source.isStopping = true;
    for (const [path, status] of [
      ["/readyz", 503],
      ["/healthz", 200],
      ["/status", 200],
      ["/metrics", 200],
      ["/nothing", 404],
    ] as const) {
      const answer = await ask(port, path, { agent });
      expect([path, answer.status, answer.headers.connection]).toEqual([path, status, "close"]);
    }
    expect((await ask(port, "/readyz")).data).toEqual({ ready: false, reason: "stopping" });
  });

  test("twenty sticky keep-alive clients do not hold the close", async () => {
    const { server, port } = await open();
    const agent = stickyAgent();
    await Promise.all(Array.from({ length: 20 }, () => ask(port, "/healthz", { agent })));
    const begun = performance.now();
    await server.close(never);
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  test.each([
    ["a head that is half sent", "GET /healthz HTTP/1.1\r\n", "host: x\r\n\r\n", "HTTP/1.1 200 OK"],
    [
      "a body that is half sent",
      "POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nab",
      "cd",
      "HTTP/1.1 404 Not Found",
    ],
  ])(
    "a request under way at the close, %s, is answered, and the close waits for no more than that",
    async (_what, first, rest, head) => {
      const { server, port } = await open();
      const { socket, received } = await accepted(port);
      socket.write(first);
      await ask(port, "/healthz");
      const closing = server.close(never);
      await vi.waitFor(() => expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" }));
      socket.write(rest);
      const text = await received;
      expect(text.startsWith(head)).toBe(true);
      expect(text.toLowerCase()).toContain("connection: close");
      await closing;
    },
  );

  test("a pipelined request behind the one under way is answered truly or not at all", async () => {
    const { server, port } = await open();
    const { socket, received } = await accepted(port);
    socket.write("GET /healthz HTTP/1.1\r\n");
    await ask(port, "/healthz");
    const closing = server.close(never);
    socket.write("host: x\r\n\r\nGET /readyz HTTP/1.1\r\nhost: x\r\n\r\n");
    await closing;
    expect((await received).match(/HTTP\/1\.1 \d+/g)?.[0]).toBe("HTTP/1.1 200");
  });

  test("a connection made before the close and used after it is served", async () => {
    const { server, port } = await open();
    const { socket, received } = await accepted(port);
    const closing = server.close(never);
    await turn();
    socket.write("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    expect(await received).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*connection: close/i);
    await closing;
  });

  test("a connection on which nothing is ever sent does not hold the close", async () => {
    const { server, port } = await open();
    const { socket } = await accepted(port);
    await Promise.all([server.close(never), gone(socket)]);
  });

  test("a request that never ends is cut when the close's signal aborts, and the close resolves", async () => {
    const { server, port } = await open();
    const { socket } = await accepted(port);
    socket.write("GET /healthz HTTP/1.1\r\n");
    await ask(port, "/healthz");
    const abort = new AbortController();
    const closing = server.close(abort.signal);
    await vi.waitFor(() => expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" }));
    abort.abort();
    await Promise.all([closing, gone(socket)]);
  });

  // the kernel resets who knocks in the microseconds in which the port is freed: one of four at most, before any answer
  test("clients that come without pause while it drains and closes are served or refused, no answer is cut", {
    retry: 2,
  }, async () => {
    const { source, server, port } = await open();
    const knocker = new Worker(knock, { eval: true, workerData: { port } });
    endings.push(() => knocker.terminate());
    await once(knocker, "message");
    source.isStopping = true;
    await once(knocker, "message");
    await server.close(never);
    const [outcomes] = await once(knocker, "message");
    const { 200: served, ECONNREFUSED: refused = 0, ECONNRESET: reset = 0, ...others } = outcomes;
    expect(served).toBeGreaterThan(100);
    expect([others, refused + reset]).toEqual([{}, 4]);
    expect(reset).toBeLessThanOrEqual(1);
  });

  test("every close, also a second one and one by force, leaves no timer, socket or listener", async () => {
    const before = openResources();
    const signals: AbortSignal[] = [];
    const checkRedis = (signal: AbortSignal) => new Promise<void>(() => signals.push(signal));
    for (const end of ["close", "destroy"] as const) {
      const { server, port } = await open({ checkRedis });
      await ask(port, "/healthz");
      if (end === "destroy") server.destroy();
      const order = await orderOf(["first", server.close(never)], ["second", server.close(never)]);
      expect(order).toEqual(["first", "second"]);
      await server.gone();
      await turn();
      expect(openedSince(before)).toEqual([]);
      await expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
      server.destroy();
    }
  });

  test("destroy cuts a connection in the middle of a request", async () => {
    const { server, port } = await open();
    const { socket } = await accepted(port);
    socket.write("GET /healthz HTTP/1.1\r\n");
    server.destroy();
    await gone(socket);
    await server.close(never);
  });
});
