/** What the probe thread is there for: probes under a blocked loop; and what happens when it dies. */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { PortAddress } from "../../machines/health-port.machine.ts";
import type { SendBack } from "../../src/health/holder.ts";
import type { HealthOptions } from "../../src/health/options.ts";
import { HealthServer } from "../../src/health/server.ts";
import { BoardReader, BoardWriter } from "../../src/health/thread/board.cjs";
import { startThread } from "../../src/health/thread/thread-port.ts";
import { turnedSource } from "../kit/health-source.ts";
import { ask } from "../kit/http-client.ts";
import { block, blockFor, startProber } from "../kit/prober.ts";
import { endPrograms, Program } from "../kit/program.ts";

const never = new AbortController().signal;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const create = (options: Partial<HealthOptions> = {}) => {
  const facts: { type: string }[] = [];
  const server = new HealthServer({
    host: "127.0.0.1",
    port: 0,
    source: turnedSource(),
    probeThread: true,
    onFact: (fact) => facts.push(fact as { type: string }),
    ...options,
  });
  endings.push(() => server.close({ signal: never }));
  return { server, facts };
};

const openPort = async (options: Partial<HealthOptions> = {}) => (await create(options).server.open({ signal: never })).port;

/** The thread that the next server starts. */
const nextWorker = () => once(process as unknown as NodeJS.EventEmitter, "worker") as Promise<[Worker]>;

const probers = async (port: number, ...paths: string[]) => {
  const all = await Promise.all(paths.map((path) => startProber(port, path)));
  endings.push(() => Promise.all(all.map((prober) => prober.destroy())));
  return () => Promise.all(all.map((prober) => prober.stop()));
};

describe("while the loop is blocked", () => {
  test("every probe is answered: /readyz turns 503 at readinessBlockMs, /healthz at livenessBlockMs, both with the length of the block", async () => {
    const port = await openPort({ readinessBlockMs: 300, livenessBlockMs: 900, sampleMs: 200 });
    const stop = await probers(port, "/readyz", "/healthz");
    block(1800);
    await vi.waitFor(async () => expect((await ask(port, "/readyz")).status).toBe(200), 10_000);
    const [ready, alive] = await stop();
    // 503 while the loop is blocked can only come from the thread
    const turns = (probes: readonly { status: number }[] = []) =>
      probes.map(({ status }) => status).filter((status, at, all) => status !== all[at - 1]);
    expect([turns(ready), turns(alive)]).toEqual([
      [200, 503, 200],
      [200, 503, 200],
    ]);
    const [unready, dead] = [ready, alive].map((probes) => probes!.find(({ status }) => status === 503)!);
    expect(unready!.data).toEqual({ ready: false, reason: expect.stringMatching(/^event loop blocked for \d+ ms$/) });
    expect(dead!.data).toMatchObject({ status: "blocked", reason: `event loop blocked for ${dead!.data.blockedMs} ms` });
    expect(unready!.sentAt).toBeLessThan(dead!.sentAt);
  });

  test("/status is 503 with what was last known", async () => {
    const source = turnedSource({ state: () => "running" });
    const port = await openPort({ source, readinessBlockMs: 200 });
    const stop = await probers(port, "/status");
    block(1000);
    const [probes = []] = await stop();
    const refused = probes.findLast(({ status }) => status === 503);
    expect(refused?.data).toMatchObject({
      error: expect.stringMatching(/^event loop blocked for \d+ ms$/),
      state: "running",
      readiness: { ready: false },
    });
    expect(refused?.data.blockedMs).toEqual(expect.any(Number));
  });

  test("each scrape is answered: by the metrics of the last one before, with their age, and with the readiness of now", async () => {
    const port = await openPort({ source: turnedSource({ metrics: () => "sg_own 1\n" }), readinessBlockMs: 200 });
    const prober = await startProber(port, "/metrics");
    endings.push(() => prober.destroy());
    blockFor(8, prober);
    const probes = await prober.stop();
    expect(probes.map(({ status }) => status)).toEqual(probes.map(() => 200));
    const [fresh, old] = [probes[0]!, probes.findLast(({ age }) => age !== undefined)!];
    expect(fresh.body).toContain("\nsg_metrics_age_seconds 0\n");
    expect([fresh.age, old.age]).toEqual([undefined, expect.stringMatching(/^\d+$/)]);
    const own = /^sg_(?:ready|metrics_age_seconds) .*$/gm;
    expect(fresh.body.match(own)).toEqual(["sg_ready 1", "sg_metrics_age_seconds 0"]);
    expect(old.body.match(own)).toEqual(["sg_ready 0", expect.stringMatching(/^sg_metrics_age_seconds \d+\.\d+$/)]);
    expect(old.body).toContain("\nsg_own 1\n");
  });

  test("a question under way when the block begins is answered by the thread", async () => {
    let length = 0;
    const source = turnedSource({ status: () => (block(length), { state: "running" }) });
    const port = await openPort({ source, readinessBlockMs: 200 });
    const stop = await probers(port, "/status");
    length = 1000;
    // a new notice, so that no answer from before serves
    source.verdict = { ready: false, reason: "blocking" };
    await ask(port, "/status");
    const [probes = []] = await stop();
    expect(probes.map(({ status }) => status)).toContain(503);
  });

  test("a process that was frozen as a whole is alive once it goes on", async () => {
    const board = new BoardWriter();
    const settings = {
      memory: board.memory,
      readinessBlockMs: 1000,
      livenessBlockMs: 30_000,
      served: { host: "", allowedHosts: [] },
      headers: {},
    };
    const answer = async () => ({ status: 200, contentType: "text/plain", body: "" });
    const address = await new Promise<PortAddress>((resolve) => {
      const sendBack: SendBack = (event) => event.type === "port.listening" && resolve(event.address);
      const thread = startThread({ settings, answer, publish: () => {}, sendBack });
      endings.push(() => thread.cut());
      thread.listen({ host: "127.0.0.1", port: 0 });
    });
    board.beat(-60_000);
    const stuck = await ask(address.port, "/healthz");
    expect(stuck).toMatchObject({ status: 503, data: { blockedMs: expect.any(Number) } });
    const asked = ask(address.port, "/healthz");
    await vi.waitFor(async () => expect((await ask(address.port, "/readyz")).status).toBe(503), 10_000);
    board.beat(1000);
    expect(await asked).toMatchObject({ status: 200, data: { status: "ok" } });
  });
});

describe("a thread that dies", () => {
  test("is a fact; the main thread takes the port over and answers truly", async () => {
    const worker = nextWorker();
    const source = turnedSource();
    const { server, facts } = create({ source });
    const address = await server.open({ signal: never });
    const [thread] = await worker;
    await thread.terminate();
    // a busy machine may block the loop meanwhile, which is a fact too
    const ofThread = () => facts.map(({ type }) => type).filter((type) => type !== "loop.blocked");
    await vi.waitFor(() => expect(ofThread()).toEqual(["health.listening", "health.thread.died", "health.port.moved"]), 10_000);
    expect(server.address).toEqual(address);
    source.isStopping = true;
    expect(await ask(address.port, "/readyz")).toMatchObject({ status: 503, data: { ready: false, reason: "stopping" } });
    expect((await ask(address.port, "/healthz")).headers.connection).toBe("close");
    await server.close({ signal: never });
    await expect(ask(address.port, "/healthz")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("before it listens leaves the port to the main thread", async () => {
    const worker = nextWorker();
    const { server, facts } = create();
    server.prepare();
    const opening = server.open({ signal: never });
    const [thread] = await worker;
    void thread.terminate();
    const { port } = await opening;
    expect((await ask(port, "/readyz")).status).toBe(200);
    expect(facts.map(({ type }) => type).filter((type) => type !== "loop.blocked")).toEqual([
      "health.thread.died",
      "health.listening",
    ]);
  });

  test("while the server closes lets the close resolve", async () => {
    const worker = nextWorker();
    const { server, facts } = create();
    await server.open({ signal: never });
    const [thread] = await worker;
    const closing = server.close({ signal: never });
    await thread.terminate();
    await closing;
    const other = facts.map(({ type }) => type).filter((type) => type !== "health.thread.died" && type !== "loop.blocked");
    expect(other).toEqual(["health.listening"]);
    expect(server.address).toBeUndefined();
  });

  test.each(["close", "destroy"] as const)("after a %s that came before any open, nothing is left of it", async (end) => {
    const worker = nextWorker();
    const { server } = create();
    server.prepare();
    const [thread] = await worker;
    const gone = once(thread, "exit");
    if (end === "destroy") server.destroy();
    await server.close({ signal: never });
    await gone;
    server.prepare();
    expect(process.getActiveResourcesInfo()).not.toContain("Worker");
  });
});

describe("a process with a probe thread", () => {
  afterEach(endPrograms);
  const listening = { type: "health.listening", host: "127.0.0.1", port: expect.any(Number) };

  test("ends when it has nothing more to do", async () => {
    const program = new Program("health-open.mjs");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.lines).toEqual([listening, { type: "asked", status: 200 }]);
  });

  test("that may start no thread has its port on the main thread, and emits the reason", async () => {
    const known = process.allowedNodeEnvironmentFlags;
    const permission = known.has("--permission") ? "--permission" : "--experimental-permission";
    const network = known.has("--allow-net") ? " --allow-net" : "";
    const env = { NODE_OPTIONS: `${permission}${network} --allow-fs-read=* --no-warnings` };
    const program = new Program("health-open.mjs", { env });
    await program.line("asked", ({ type }) => type === "asked");
    program.signal("SIGKILL");
    expect(program.lines).toEqual([
      { type: "health.thread.died", reason: expect.stringContaining("restricted") },
      listening,
      { type: "asked", status: 200 },
    ]);
  });
});

describe("the board", () => {
  const ready = { state: "running", leaving: false, readiness: { ready: true }, liveness: { alive: true } } as const;

  test("reads the latest notice, in any script and at any length", () => {
    const writer = new BoardWriter();
    const reader = new BoardReader(writer.memory);
    expect(reader.notice).toMatchObject({ state: "unknown", readiness: { ready: false } });
    writer.publish(ready);
    expect(reader.notice).toEqual(ready);
    for (const reason of ["käse 🧀", "\u0000".repeat(5000), "€".repeat(5000), "x"]) {
      const verdicts = { readiness: { ready: false, reason }, liveness: { alive: false, reason } } as const;
      writer.publish({ state: "stopping", leaving: true, ...verdicts });
      expect(reader.notice).toEqual({
        state: "stopping",
        leaving: true,
        readiness: { ready: false, reason: reason.slice(0, 500) },
        liveness: { alive: false, reason: reason.slice(0, 500) },
      });
    }
  });

  test("while the next notice is being written the one before stands", () => {
    const writer = new BoardWriter();
    const reader = new BoardReader(writer.memory);
    writer.publish(ready);
    expect(reader.notice).toEqual(ready);
    const version = new Int32Array(writer.memory, 8, 1);
    Atomics.add(version, 0, 1);
    new Uint8Array(writer.memory, 16).fill(0);
    expect(reader.notice).toEqual(ready);
  });

  test("nothing is late before the first beat and after the rest", () => {
    const writer = new BoardWriter();
    const reader = new BoardReader(writer.memory);
    expect(reader.lateMs).toBe(0);
    writer.beat(1000);
    expect(reader.lateMs).toBe(0);
    writer.beat(-5000);
    expect(reader.lateMs).toBeGreaterThanOrEqual(5000);
    writer.rest();
    expect(reader.lateMs).toBe(0);
  });
});
