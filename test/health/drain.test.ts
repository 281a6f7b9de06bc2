/** Draining and closing the health server, with its port on the main thread and on the probe thread: faults F1 to F4, and what is left. */
import { once } from "node:events";
import { Agent } from "node:http";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "vitest";
import { HealthServer } from "../../src/health/server.ts";
import type { Check } from "../../src/health/source.ts";
import { deadlines } from "../kit/deadlines.ts";
import { turnedSource, unhurried } from "../kit/health-source.ts";
import { ask, dial, trickle } from "../kit/http-client.ts";
import { eventually, untilHolds } from "../kit/wait.ts";

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

/**
 * Four clients at once, each request on a connection of its own, until one is not served. Counts in `sent` the requests that have
 * left, posts a message after every 100 answers, and at the end the outcomes; a request that was not served is named by its number.
 */
const requesting = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const [served, halfWay, unserved] = [[], [], []];
const once = () => new Promise((resolve) => {
  let number = Infinity;
  const request = get({ host: "127.0.0.1", port: workerData.port, path: "/healthz", agent: false }, (answer) => {
    answer.on("error", (error) => resolve(void halfWay.push(error.code)));
    answer.resume().on("end", () => resolve(served.push(answer.statusCode)));
  });
  request.on("finish", () => { number = Atomics.add(workerData.sent, 0, 1) + 1; });
  request.on("error", () => resolve(void unserved.push(number)));
});
const requestAll = async () => {
  while (await once()) if (served.length % 100 === 0) parentPort.postMessage("answered");
};
Promise.all([requestAll(), requestAll(), requestAll(), requestAll()]).then(() => parentPort.postMessage({ served, halfWay, unserved }));
`;

interface Outcomes {
  /** status codes */
  readonly served: readonly number[];
  /** error codes */
  readonly halfWay: readonly string[];
  readonly unserved: readonly number[];
}

/** Twenty clients, once `turn[0]` is 1; sets `turn[1]` when all have sent their request, and posts the outcomes at the end. */
const crowd = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const { turn, port } = workerData;
let sent = 0;
const hasSent = () => {
  if (++sent < 20) return;
  Atomics.store(turn, 1, 1);
  Atomics.notify(turn, 1);
};
const once = () => new Promise((resolve) => {
  get({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (answer) => resolve(answer.resume().statusCode))
    .on("finish", hasSent)
    .on("error", (error) => resolve(error.code));
});
parentPort.postMessage("ready");
Atomics.wait(turn, 0, 0);
Promise.all(Array.from({ length: 20 }, once)).then((outcomes) => parentPort.postMessage(outcomes));
`;

describe.each([
  { probeThread: false, on: "the main thread" },
  { probeThread: true, on: "the probe thread" },
])("on $on", ({ probeThread }) => {
  const open = async (own: Parameters<typeof turnedSource>[0] = {}) => {
    const source = turnedSource(own);
    const server = new HealthServer({ host: "127.0.0.1", port: 0, source, probeThread, ...unhurried });
    endings.push(() => server.destroy());
    const { port } = await server.open({ signal: never });
    return { source, server, port };
  };

  /** A connection on which nothing comes for a quarter of a second after the close is closed, so a busy machine has several goes. */
  const servedInTime = (isServed: (opened: Awaited<ReturnType<typeof open>>) => Promise<boolean>) =>
    eventually("an answer", async () => isServed(await open()));

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
    await server.close({ signal: never });
    await expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test.each([
    ["a head that is half sent", "GET /healthz HTTP/1.1\r\n", "host: localhost\r\n\r\n", "HTTP/1.1 200 OK"],
    [
      "a body that is half sent",
      "POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nab",
      "cd",
      "HTTP/1.1 404 Not Found",
    ],
  ])(
    "a request under way at the close, %s, is answered, and the close waits for no more than that",
    async (_what, first, rest, head) => {
      await servedInTime(async ({ server, port }) => {
        const { socket, received } = await accepted(port);
        socket.write(first);
        await ask(port, "/healthz");
        const closing = server.close({ signal: never });
        await untilHolds(() => expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" }));
        socket.write(rest);
        await closing;
        const text = await received;
        return text.startsWith(head) && text.toLowerCase().includes("connection: close");
      });
    },
  );

  test("a pipelined request behind the one under way is answered truly or not at all", async () => {
    await servedInTime(async ({ server, port }) => {
      const { socket, received } = await accepted(port);
      socket.write("GET /healthz HTTP/1.1\r\n");
      await ask(port, "/healthz");
      const closing = server.close({ signal: never });
      socket.write("host: localhost\r\n\r\nGET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await closing;
      return (await received).match(/HTTP\/1\.1 \d+/g)?.[0] === "HTTP/1.1 200";
    });
  });

  test("a connection made before the close and used after it is served", async () => {
    await servedInTime(async ({ server, port }) => {
      const { socket, received } = await accepted(port);
      const closing = server.close({ signal: never });
      await turn();
      socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
      await closing;
      return /^HTTP\/1\.1 200 OK[\s\S]*connection: close/i.test(await received);
    });
  });

  test("a connection on which nothing is ever sent does not hold the close", async () => {
    const { server, port } = await open();
    const { socket } = await accepted(port);
    await Promise.all([server.close({ signal: never }), gone(socket)]);
  });

  test.each([
    ["a stray byte", "G"],
    ["half a head", "GET /healthz HTTP/1.1\r\nHos"],
    ["half a body", "POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nab"],
    ["half a text", "POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 10\r\n\r\nab"],
  ])("a connection with %s, on which nothing more comes, does not hold the close", async (_what, sent) => {
    const { server, port } = await open();
    const { socket } = await accepted(port);
    socket.write(sent);
    await ask(port, "/healthz");
    await Promise.all([server.close({ signal: never }), gone(socket)]);
  });

  test("a request that never ends is cut when the close's signal aborts, and the close resolves", async () => {
    const { server, port } = await open();
    const { socket } = await accepted(port);
    trickle(socket);
    await ask(port, "/healthz");
    const abort = new AbortController();
    const closing = server.close({ signal: abort.signal });
    await untilHolds(() => expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" }));
    abort.abort();
    await Promise.all([closing, gone(socket)]);
  });

  const clients = (program: string, workerData: object) => {
    const worker = new Worker(program, { eval: true, workerData });
    endings.push(() => worker.terminate());
    return worker;
  };

  // requests that are sent later may meet a reset: the kernel may complete a connection in the moment in which the listener closes
  test("clients that come without pause while it drains and closes are served if they asked before the close; no answer is cut", async () => {
    const { source, server, port } = await open();
    const sent = new Int32Array(new SharedArrayBuffer(4));
    const requester = clients(requesting, { port, sent });
    const ended = new Promise<Outcomes>((resolve) =>
      requester.on("message", (message) => message !== "answered" && resolve(message)),
    );
    await once(requester, "message");
    source.isStopping = true;
    await once(requester, "message");
    const sentBefore = Atomics.load(sent, 0);
    await server.close({ signal: never });
    const { served, halfWay, unserved } = await ended;
    expect([halfWay, new Set(served), unserved.length]).toEqual([[], new Set([200]), 4]);
    expect(unserved.filter((number) => number <= sentBefore)).toEqual([]);
  });

  test("clients that asked while the main thread was blocked are served, though the close begins before it has seen them", async () => {
    const { server, port } = await open();
    const turn = new Int32Array(new SharedArrayBuffer(8));
    const crowding = clients(crowd, { port, turn });
    await once(crowding, "message");
    Atomics.store(turn, 0, 1);
    Atomics.notify(turn, 0);
    expect(Atomics.wait(turn, 1, 0, deadlines.fact)).not.toBe("timed-out");
    const closing = server.close({ signal: never });
    expect(await once(crowding, "message")).toEqual([Array(20).fill(200)]);
    await closing;
  });

  test("every close, also a second one and one by force, leaves no timer, socket or listener", async () => {
    const before = openResources();
    const signals: AbortSignal[] = [];
    const run: Check["run"] = ({ signal }) => new Promise<void>(() => signals.push(signal));
    const pace = { intervalMs: 1000, timeoutMs: 1000, failures: 3, successes: 1 };
    const checks: Check[] = [{ ...pace, check: "own", kind: "readiness", run }];
    for (const end of ["close", "destroy"] as const) {
      const { server, port } = await open({ checks });
      await ask(port, "/healthz");
      if (end === "destroy") server.destroy();
      const order = await orderOf(["first", server.close({ signal: never })], ["second", server.close({ signal: never })]);
      expect(order).toEqual(["first", "second"]);
      await server.gone();
      await turn();
      await untilHolds(() => expect(openedSince(before)).toEqual([]));
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
    await server.close({ signal: never });
  });
});
