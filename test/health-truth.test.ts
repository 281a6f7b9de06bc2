/** What the probes say under a blocked event loop and a dead Redis: faults F27 and F28. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test, vi } from "vitest";
import { HealthServer } from "../src/health/server.ts";
import { turnedSource } from "./kit/health-source.ts";
import { ask } from "./kit/http-client.ts";

const never = new AbortController().signal;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const open = async (checkRedis?: (signal: AbortSignal) => Promise<void>, checkMs = 1000) => {
  const source = turnedSource({ checkRedis });
  const server = new HealthServer({ host: "127.0.0.1", port: 0, source, checkIntervalMs: checkMs, checkTimeoutMs: checkMs });
  endings.push(() => server.close(never));
  return (await server.open(never)).port;
};

const block = (ms: number) => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

/** Probes from a thread whose own loop is free: one after the other, each on its own connection, until told to end. */
const prober = `
const { parentPort, workerData } = require("node:worker_threads");
const { get } = require("node:http");
const { port, path } = workerData;
const probes = [];
let goOn = true;
parentPort.once("message", () => { goOn = false; });
const probe = () => {
  const sentAt = Date.now();
  get({ host: "127.0.0.1", port, path, agent: false }, async (answer) => {
    let body = "";
    for await (const chunk of answer) body += chunk;
    const { reason } = JSON.parse(body);
    probes.push({ status: answer.statusCode, reason, tookMs: Date.now() - sentAt });
    if (probes.length === 1) parentPort.postMessage("probing");
    if (goOn) setTimeout(probe, 20); else parentPort.postMessage(probes);
  });
};
probe();
`;

interface Probe {
  readonly status: number;
  readonly reason?: string;
  readonly tookMs: number;
}

const startProber = async (port: number, path: string) => {
  const worker = new Worker(prober, { eval: true, workerData: { port, path } });
  endings.push(() => worker.terminate());
  await once(worker, "message");
  return async (): Promise<Probe[]> => {
    worker.postMessage("end");
    const [probes] = await once(worker, "message");
    return probes;
  };
};

test("after a block of 1.5 s the probe that waited for it sees it, for one interval; /healthz stays 200", async () => {
  const port = await open();
  const [endReady, endAlive] = await Promise.all([startProber(port, "/readyz"), startProber(port, "/healthz")]);
  block(1500);
  await vi.waitFor(async () => expect((await ask(port, "/readyz")).status).toBe(200), { timeout: 5000, interval: 50 });
  const [ready, alive] = await Promise.all([endReady(), endAlive()]);
  const waited = ready.findIndex(({ tookMs }) => tookMs > 1000);
  expect(ready[waited]).toMatchObject({ status: 503, reason: expect.stringMatching(/^event loop blocked for 1[3-9]\d\d ms$/) });
  expect(ready.slice(waited).filter(({ status }) => status === 503).length).toBeGreaterThan(10);
  expect(ready.at(-1)?.status).toBe(200);
  expect(new Set(alive.map(({ status }) => status))).toEqual(new Set([200]));
});

test("a check that hangs fails closed, is begun once and told to end; /healthz stays 200", async () => {
  const signals: AbortSignal[] = [];
  const port = await open((signal) => new Promise(() => signals.push(signal)), 50);
  await vi.waitFor(async () => expect((await ask(port, "/readyz")).status).toBe(503));
  expect((await ask(port, "/readyz")).data.reason).toMatch(
    /^Redis is not reachable: no answer within \d+ ms, \d+ times in a row$/,
  );
  expect((await ask(port, "/healthz")).status).toBe(200);
  expect((await ask(port, "/metrics")).body).toContain("\nsg_redis_reachable 0\n");
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test("readiness comes back with the first check that passes", async () => {
  let down = true;
  const port = await open(async () => {
    if (down) throw new Error("refused");
  }, 50);
  await vi.waitFor(async () => expect((await ask(port, "/readyz")).status).toBe(503));
  down = false;
  await vi.waitFor(async () => expect((await ask(port, "/readyz")).status).toBe(200));
});

test("fifty probes at once cost no check of their own", async () => {
  let checks = 0;
  let seen = () => {};
  const first = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const port = await open(async () => {
    checks += 1;
    seen();
  }, 1000);
  await first;
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(port, "/readyz")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(checks).toBe(1);
});
