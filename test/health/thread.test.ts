/** What the probe thread is there for: probes under a blocked loop; and what happens when it dies. */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { PortAddress } from "../../machines/health-port.machine.ts";
import type { SendBack } from "../../src/health/holder.ts";
import { LoadMeter } from "../../src/health/load-meter.ts";
import type { HealthOptions } from "../../src/health/options.ts";
import { RuntimeMeter } from "../../src/health/runtime-meter.ts";
import { HealthServer } from "../../src/health/server.ts";
import { BoardReader, BoardWriter } from "../../src/health/thread/board.cjs";
import { startThread } from "../../src/health/thread/thread-port.ts";
import { turnedSource, unhurried } from "../kit/health-source.ts";
import { ask } from "../kit/http-client.ts";
import type { Prober } from "../kit/prober.ts";
import { startProber } from "../kit/prober.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { eventually, untilHolds } from "../kit/wait.ts";

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
    ...unhurried,
    ...options,
  });
  endings.push(() => server.close({ signal: never }));
  return { server, facts };
};

const openPort = async (options: Partial<HealthOptions> = {}) => (await create(options).server.open({ signal: never })).port;

/** The thread that the next server starts. */
const nextWorker = () => once(process as unknown as NodeJS.EventEmitter, "worker") as Promise<[Worker]>;

const blocked = "event loop blocked for";
const reason = /^event loop blocked for \d+ ms$/;
const probers = async (port: number, ...paths: string[]) => {
  const all = await Promise.all(paths.map((path) => startProber(port, path, blocked)));
  endings.push(() => Promise.all(all.map((prober) => prober.destroy())));
  return all;
};
/** Ends the probing; of each prober the first answer of 503 that names the block. */
const refusalsOf = async (all: readonly Prober[]) => {
  const probes = await Promise.all(all.map((prober) => prober.stop()));
  return probes.map((one) => one.find(({ status, data }) => status === 503 && JSON.stringify(data).includes(blocked))?.data);
};
const isReadyAgain = (port: number) => eventually("ready", async () => (await ask(port, "/readyz")).status === 200);

test("the meters of the scrapes are stopped once the port is gone, and not before", async () => {
  const stops = [vi.spyOn(LoadMeter.prototype, "stop"), vi.spyOn(RuntimeMeter.prototype, "stop")];
  endings.push(() => vi.restoreAllMocks());
  const { server } = create();
  const { port } = await server.open({ signal: never });
  expect((await ask(port, "/metrics")).status).toBe(200);
  expect(stops.map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
  await server.close({ signal: never });
  await server.gone();
  expect(stops.map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
});

// each answer that is waited for in the block can only come from the thread
describe("while the loop is blocked", () => {
  test("/readyz turns 503 at readinessBlockMs with the length of the block, and /healthz stays 200 before livenessBlockMs", async () => {
    const port = await openPort({ readinessBlockMs: 300, sampleMs: 200 });
    const [ready, alive] = await probers(port, "/readyz", "/healthz");
    ready!.blockUntilSeen();
    await isReadyAgain(port);
    expect(await refusalsOf([ready!])).toEqual([{ ready: false, reason: expect.stringMatching(reason) }]);
    expect(new Set((await alive!.stop()).map(({ status }) => status))).toEqual(new Set([200]));
  });

  test("/healthz turns 503 at livenessBlockMs, and is 200 again after it", async () => {
    const port = await openPort({ readinessBlockMs: 300, livenessBlockMs: 900, sampleMs: 200 });
    const alive = await probers(port, "/healthz");
    alive[0]!.blockUntilSeen();
    await eventually("alive", async () => (await ask(port, "/healthz")).status === 200);
    const [dead] = await refusalsOf(alive);
    expect(dead).toMatchObject({ status: "blocked", reason: `event loop blocked for ${dead.blockedMs} ms` });
  });

  test("/status is 503 with what was last known", async () => {
    const source = turnedSource({ state: () => "running" });
    const port = await openPort({ source, readinessBlockMs: 200 });
    const all = await probers(port, "/status");
    all[0]!.blockUntilSeen();
    const [data] = await refusalsOf(all);
    expect(data).toMatchObject({
      error: expect.stringMatching(reason),
      state: "running",
      readiness: { ready: false },
      blockedMs: expect.any(Number),
    });
  });

  test("each scrape is answered: by the metrics of the last one before, with their age, and with the readiness of now", async () => {
    const port = await openPort({ source: turnedSource({ metrics: () => "sg_own 1\n" }), readinessBlockMs: 200 });
    const prober = await startProber(port, "/metrics", "sg_ready 0");
    endings.push(() => prober.destroy());
    prober.blockUntilSeen();
    const probes = await prober.stop();
    expect(new Set(probes.map(({ status }) => status))).toEqual(new Set([200]));
    const own = /^sg_(?:ready|metrics_age_seconds) .*$/gm;
    const fresh = probes.find(({ age }) => age === undefined)!;
    expect(fresh.body).toContain("\nsg_metrics_age_seconds 0\n");
    const old = probes.findLast(({ age, body }) => age !== undefined && body.includes("sg_ready 0"))!;
    expect(old.age).toMatch(/^\d+$/);
    expect(old.body.match(own)).toEqual(["sg_ready 0", expect.stringMatching(/^sg_metrics_age_seconds \d+\.\d+$/)]);
    expect(old.body).toContain("\nsg_own 1\n");
  });

  test("a question under way when the block begins is answered by the thread", async () => {
    let blocking = () => {};
    const source = turnedSource({ status: () => (blocking(), { state: "running" }) });
    const port = await openPort({ source, readinessBlockMs: 200 });
    const [prober] = await probers(port, "/status");
    blocking = prober!.blockUntilSeen;
    // a new notice, so that no answer from before serves
    source.verdict = { ready: false, reason: "blocking" };
    await ask(port, "/status");
    expect(await refusalsOf([prober!])).toEqual([expect.objectContaining({ state: "running" })]);
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
    // the thread looks a second time after a quarter of a second, which a busy machine may miss
    await eventually("an answer of 200 to a question that came before the beat", async () => {
      board.beat(-60_000);
      const asked = ask(address.port, "/healthz");
      await eventually("the thread has read it", async () => (await ask(address.port, "/readyz")).status === 503);
      board.beat(60_000);
      return (await asked).status === 200;
    });
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
    await untilHolds(() => expect(ofThread()).toEqual(["health.listening", "health.thread.died", "health.port.moved"]));
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
    writer.beat(600_000);
    expect(reader.lateMs).toBe(0);
    writer.beat(-5000);
    expect(reader.lateMs).not.toBe(0);
    writer.rest();
    expect(reader.lateMs).toBe(0);
  });
});
