/** The answers to probes under a blocked event loop and a dead Redis: faults F27 and F28. */
import { afterEach, describe, expect, test } from "vitest";
import { HealthServer } from "../../src/health/server.ts";
import type { Check } from "../../src/health/source.ts";
import { turnedSource } from "../kit/health-source.ts";
import { ask } from "../kit/http-client.ts";
import { startProber } from "../kit/prober.ts";
import { eventually, untilHolds } from "../kit/wait.ts";

const never = new AbortController().signal;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

interface Own {
  readonly checkRedis?: Check["run"];
  readonly checkMs?: number;
  readonly probeThread?: boolean;
}

const open = async ({ checkRedis, checkMs = 1000, probeThread = false }: Own) => {
  const pace = { intervalMs: checkMs, timeoutMs: checkMs, failures: 3, successes: 1 };
  const source = turnedSource({ checks: checkRedis ? [{ ...pace, check: "redis", kind: "redis", run: checkRedis }] : [] });
  const server = new HealthServer({
    host: "127.0.0.1",
    port: 0,
    source,
    probeThread,
    sampleMs: checkMs,
  });
  endings.push(() => server.close({ signal: never }));
  return (await server.open({ signal: never })).port;
};

const prober = async (port: number, path: string) => {
  const begun = await startProber(port, path);
  endings.push(() => begun.destroy());
  return begun;
};

test("after a block of 1.5 s the probe that waited for it sees it; /healthz stays 200", async () => {
  const port = await open({});
  const [readiness, liveness] = await Promise.all([prober(port, "/readyz"), prober(port, "/healthz")]);
  readiness.blockThrough(1500);
  await eventually("ready", async () => (await ask(port, "/readyz")).status === 200);
  const [ready, alive] = await Promise.all([readiness.stop(), liveness.stop()]);
  expect(ready.find(({ status }) => status === 503)?.data).toEqual({
    ready: false,
    reason: expect.stringMatching(/^event loop blocked for \d+ ms$/),
  });
  expect(new Set(alive.map(({ status }) => status))).toEqual(new Set([200]));
});

describe.each([
  { probeThread: false, on: "the main thread" },
  { probeThread: true, on: "the probe thread" },
])("on $on", ({ probeThread }) => {
  test("a check that hangs makes /readyz 503, begins once and is aborted; /healthz stays 200", async () => {
    const signals: AbortSignal[] = [];
    const port = await open({ checkRedis: ({ signal }) => new Promise(() => signals.push(signal)), checkMs: 50, probeThread });
    const reason = /^Redis is not reachable: no answer within \d+ ms, \d+ times in a row$/;
    await untilHolds(async () => expect((await ask(port, "/readyz")).data.reason).toMatch(reason));
    expect((await ask(port, "/healthz")).status).toBe(200);
    expect((await ask(port, "/metrics")).body).toContain("\nsg_redis_reachable 0\n");
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test("readiness comes back with the first check that passes", async () => {
    let down = true;
    const port = await open({
      checkRedis: async () => {
        if (down) throw new Error("refused");
      },
      checkMs: 50,
      probeThread,
    });
    await untilHolds(async () => expect((await ask(port, "/readyz")).status).toBe(503));
    down = false;
    await untilHolds(async () => expect((await ask(port, "/readyz")).status).toBe(200));
  });

  test("fifty probes at once cost no check of their own", async () => {
    let checks = 0;
    const port = await open({
      checkRedis: () => {
        checks += 1;
        return new Promise(() => {});
      },
      probeThread,
    });
    await eventually("a check under way", () => checks > 0);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(port, "/readyz")));
    expect([answers.length, checks]).toEqual([50, 1]);
  });
});
