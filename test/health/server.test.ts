/** The health server's answers, and how it opens: with its port on the main thread, and on the probe thread. */

import dns from "node:dns";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { HealthOptions } from "../../src/health/options.ts";
import { HealthServer } from "../../src/health/server.ts";
import { answerHeaders } from "../../src/http/headers.ts";
import { turnedSource, unhurried } from "../kit/health-source.ts";
import { ask, dial } from "../kit/http-client.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { eventually, untilHolds } from "../kit/wait.ts";

const never = new AbortController().signal;
const servers: HealthServer[] = [];
const loaded = (name: string) =>
  Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes(`/node_modules/${name}/`));

let probeThread = false;
const create = (options: Partial<HealthOptions> = {}): HealthServer => {
  const server = new HealthServer({ host: "127.0.0.1", port: 0, source: turnedSource(), probeThread, ...unhurried, ...options });
  servers.push(server);
  return server;
};

const openPort = async (options: Partial<HealthOptions> = {}): Promise<number> =>
  (await create(options).open({ signal: never })).port;

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close({ signal: never })));
});

describe("loading", () => {
  test("F38: importing the library loads no Fastify, nor does any route of a probe thread; opening without one loads no ajv", async () => {
    const port = await openPort({ probeThread: true });
    for (const path of ["/metrics", "/status", "/readyz", "/healthz"]) expect((await ask(port, path)).status).toBe(200);
    for (const name of ["fastify", "@fastify/under-pressure", "find-my-way"]) expect(loaded(name)).toEqual([]);
    await openPort({ probeThread: false });
    expect(loaded("fastify")).not.toEqual([]);
    expect([...loaded("ajv"), ...loaded("@fastify/ajv-compiler"), ...loaded("pino")]).toEqual([]);
  });
});

const onThread = [
  { probeThread: false, on: "the main thread" },
  { probeThread: true, on: "the probe thread" },
];

describe.each(onThread)("answers on $on", (mode) => {
  beforeAll(() => {
    ({ probeThread } = mode);
  });

  test.each([
    ["/healthz", "application/json", { status: "ok" }],
    ["/readyz", "application/json", { ready: true }],
    ["/status", "application/json", { state: "running", readiness: { ready: true }, pressure: { blockedMs: 0 } }],
    ["/metrics", "text/plain; version=0.0.4", undefined],
  ])("%s answers GET with 200, and HEAD with the same head", async (path, type, data) => {
    const port = await openPort();
    const got = await ask(port, path);
    expect(got).toMatchObject({ status: 200, ...(data && { data }) });
    expect(got.headers["content-type"]).toContain(type);
    const head = await ask(port, path, { method: "HEAD" });
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers["content-type"]).toBe(got.headers["content-type"]);
  });

  test.each([
    ["GET", "/nothing"],
    ["POST", "/healthz"],
    ["GET", "/healthz/"],
  ])("%s %s is 404 in JSON", async (method, path) => {
    expect(await ask(await openPort(), path, { method })).toMatchObject({
      status: 404,
      data: { error: `there is no ${method} ${path}` },
    });
  });

  test.each([
    ["http://127.0.0.1/readyz", 200],
    ["http://worker.svc/readyz?x", 200],
    ["http://127.0.0.1", 404],
    ["http://evil.example/readyz", 421],
  ])("a target in absolute form, %s, is %i", async (path, status) => {
    expect((await ask(await openPort({ allowedHosts: [".svc"] }), path)).status).toBe(status);
  });

  test.each(["/healthz", "/readyz", "/status", "/metrics", "/nothing"])(
    "%s is 421 under a name of another's, 403 for a page of another site, and answered under an allowed name",
    async (path) => {
      const port = await openPort({ allowedHosts: ["worker.svc"] });
      const asked = (headers: Record<string, string>) => ask(port, path, { headers });
      const refused = await asked({ host: "evil.example" });
      expect(refused).toMatchObject({ status: 421, data: { error: expect.stringContaining("SG_ALLOWED_HOSTS") } });
      expect((await asked({ "sec-fetch-site": "cross-site" })).status).toBe(403);
      const served = await asked({ host: `worker.svc:${port}` });
      expect(served.status).toBe(path === "/nothing" ? 404 : 200);
      for (const { headers } of [refused, served]) expect(headers).toMatchObject(answerHeaders);
    },
  );

  test("the chart's reason makes /readyz 503 and leaves /healthz at 200", async () => {
    const source = turnedSource();
    source.verdict = { ready: false, reason: "not running yet" };
    const port = await openPort({ source });
    expect(await ask(port, "/readyz")).toMatchObject({ status: 503, data: { ready: false, reason: "not running yet" } });
    expect((await ask(port, "/healthz")).status).toBe(200);
    expect((await ask(port, "/metrics")).body).toContain("\nsg_ready 0\n");
  });

  test("/metrics carries the source's lines after its own, every line ended", async () => {
    const { body } = await ask(await openPort({ source: turnedSource({ metrics: () => "sg_own 1" }) }), "/metrics");
    expect(body.endsWith("\nsg_own 1\n")).toBe(true);
    for (const name of ["sg_up", "sg_event_loop_delay_seconds", "process_cpu_seconds_total", "sg_uptime_seconds"]) {
      expect(body).toMatch(new RegExp(`^${name} \\d`, "m"));
    }
  });

  test("a source that throws is contained and emitted as a fact; its message stays inside", async () => {
    const facts: object[] = [];
    const fail = () => {
      throw new Error("the secret");
    };
    const port = await openPort({
      source: turnedSource({ status: fail, metrics: fail, readiness: fail, stopping: fail }),
      onFact: (fact) => facts.push(fact),
    });
    expect((await ask(port, "/readyz")).status).toBe(503);
    for (const path of ["/status", "/metrics"]) {
      expect(await ask(port, path)).toMatchObject({ status: 500, data: { error: "internal error" } });
    }
    expect((await ask(port, "/healthz")).status).toBe(200);
    expect(facts).toContainEqual({ type: "health.request.failed", url: "/status", reason: "the secret" });
  });

  test("a listener of facts that throws harms nothing", async () => {
    const fail = () => {
      throw new Error("no");
    };
    expect((await ask(await openPort({ source: turnedSource({ status: fail }), onFact: fail }), "/status")).status).toBe(500);
  });
});

describe.each(onThread)("F38: a client that pipelines on $on", (mode) => {
  beforeAll(() => {
    ({ probeThread } = mode);
  });

  const pipelined = async (port: number, count: number) => {
    const line = await dial(port);
    line.socket.on("error", () => {});
    line.socket.write("GET /status HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(count));
    return line;
  };

  test("and reads is answered as long as few of its requests wait; those at one time share an answer on the probe thread", async () => {
    let asked = 0;
    const source = turnedSource({ status: () => ({ number: ++asked }) });
    const port = await openPort({ source });
    const { socket } = await pipelined(port, 20);
    let received = "";
    socket.on("data", (chunk) => {
      received += String(chunk);
    });
    await untilHolds(() => expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(20));
    socket.destroy();
    expect(asked).toBe(mode.probeThread ? 1 : 20);
    source.isStopping = true;
    // a new notice ends the time of the answer that is held
    expect((await ask(port, "/status")).data.number).toBe(mode.probeThread ? 2 : 21);
  });

  test("and never reads loses its connection; the service is asked for few of its answers and stays ready", async () => {
    let asked = 0;
    const source = turnedSource({ status: () => ({ state: "running", number: ++asked, filling: "x".repeat(100_000) }) });
    const port = await openPort({ source });
    const { socket } = await pipelined(port, 5000);
    await new Promise((resolve) => socket.once("close", resolve).pause().once("error", resolve));
    expect(asked).toBeLessThan(mode.probeThread ? 3 : 50);
    // a machine that was busy meanwhile has left pressure on the event loop for an interval
    await eventually("it is ready", async () => (await ask(port, "/readyz")).status === 200);
  });
});

describe.each(onThread)("opening on $on", (mode) => {
  beforeAll(() => {
    ({ probeThread } = mode);
  });

  test("a taken port is named, with the way out, and nothing stays open", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const server = create({ port });
    await expect(server.open({ signal: never })).rejects.toMatchObject({
      code: "SG_ERR_HEALTH_PORT_IN_USE",
      phase: "healthy",
      message: expect.stringMatching(new RegExp(`${port}.*SG_HEALTH_PORT`)),
    });
    expect(server.address).toBeUndefined();
    const closedMeanwhile = create({ port });
    const opening = closedMeanwhile.open({ signal: never });
    await Promise.all([
      closedMeanwhile.close({ signal: never }),
      expect(opening).rejects.toMatchObject({ code: "SG_ERR_HEALTH_PORT_IN_USE" }),
    ]);
    other.close();
  });

  test("an address that this machine does not have is SG_ERR_HEALTH_OPEN_FAILED with the way out", async () => {
    await expect(create({ host: "192.0.2.1" }).open({ signal: never })).rejects.toMatchObject({
      code: "SG_ERR_HEALTH_OPEN_FAILED",
      message: expect.stringContaining("SG_HEALTH_HOST"),
    });
  });

  test("two calls open one server, whose address is known until it closes", async () => {
    const server = create();
    const first = await server.open({ signal: never });
    expect(await server.open({ signal: never })).toBe(first);
    expect(server.address).toEqual(first);
    await server.close({ signal: never });
    expect(server.address).toBeUndefined();
  });

  test("an abort at any moment of opening rejects with its reason, and the port stays free", async () => {
    const { port, release } = await reservePort();
    for (let turns = -1; turns < 6; turns += 1) {
      const abort = new AbortController();
      if (turns < 0) abort.abort(new Error("enough"));
      const server = create({ port });
      const opening = server.open({ signal: abort.signal }).then(
        () => "open",
        (error) => error.message,
      );
      for (let passed = 0; passed < turns; passed += 1) await turn();
      abort.abort(new Error("enough"));
      expect(["open", "enough"]).toContain(await opening);
      await server.close({ signal: never });
      expect(server.address).toBeUndefined();
      await expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    }
    release();
  });

  test.skipIf(mode.probeThread)("an abort while the host name is looked up leaves nothing that listens later", async () => {
    const server = create({ host: "localhost" });
    const abort = new AbortController();
    let resolveName: (() => void) | undefined;
    const lookup = vi.spyOn(dns, "lookup").mockImplementation(((_name: string, done: (...args: unknown[]) => void) => {
      resolveName = () => done(null, "127.0.0.1", 4);
    }) as unknown as typeof dns.lookup);
    const opening = server.open({ signal: abort.signal });
    opening.catch(() => {});
    await eventually("the name is being resolved", () => resolveName);
    lookup.mockRestore();
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    resolveName!();
    await turn();
    expect(process.getActiveResourcesInfo()).not.toContain("TCPServerWrap");
  });

  test("an open after a close, or cut by destroy, is SG_ERR_HEALTH_OPEN_FAILED", async () => {
    const closed = create();
    await closed.close({ signal: never });
    await expect(closed.open({ signal: never })).rejects.toMatchObject({ code: "SG_ERR_HEALTH_OPEN_FAILED" });
    const destroyed = create();
    const opening = destroyed.open({ signal: never });
    destroyed.destroy();
    await expect(opening).rejects.toMatchObject({ code: "SG_ERR_HEALTH_OPEN_FAILED" });
    destroyed.destroy();
  });

  test("a close waits for the open under way, then closes it", async () => {
    const server = create();
    const opening = server.open({ signal: never });
    await server.close({ signal: never });
    const { port } = await opening;
    await expect(ask(port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
