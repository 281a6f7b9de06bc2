/** The conformance kit: our tiers conform, and of each bad tier the report names the breach and its hook. */
import { AsyncResource } from "node:async_hooks";
import { execFile } from "node:child_process";
import { pbkdf2, randomFillSync } from "node:crypto";
import { lookup } from "node:dns/promises";
import { mkdtempSync, readFileSync, rmSync, stat, writeFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import type { ConformanceOptions } from "../../src/testing/index.ts";
import {
  assertConforms,
  ConformanceReport,
  conformance,
  conformanceSuite,
  LifecycleProbe,
  scenarioNames,
  TestRedis,
} from "../../src/testing/index.ts";
import { tiers } from "../../src/tiers/index.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, hangs, TestTier } from "../kit/tier.ts";

const quick: ConformanceOptions = { startWithinMs: 3000, obeyWithinMs: 150, stopWithinMs: 400, settleMs: 150, workMs: 10 };
/** for a tier that conforms: deadlines that a busy machine does not reach */
const patient: ConformanceOptions = {
  startWithinMs: 30_000,
  obeyWithinMs: 5000,
  stopWithinMs: 10_000,
  settleMs: 5000,
  turnWithinMs: 10_000,
};

/** The report on a tier with these hooks, in one scenario without Redis. */
const reportTextOf = async (hooks: TestHooks, scenario = "run and stop"): Promise<string> => {
  const report = await conformance((options) => new TestTier(options, hooks), { ...quick, redis: false, only: [scenario] });
  expect(report.passed).toBe(false);
  expect(() => assertConforms(report)).toThrow("does not conform: 1 of 1 claims broken");
  return String(report);
};

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

const root = fileURLToPath(new URL("../..", import.meta.url));
/** The output of `node --test` for a file in the place of a user's own. */
const runs = async (body: string) => {
  const folder = mkdtempSync(join(root, "test", ".suite-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "tier.test.mjs"), body);
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--test", "--test-reporter=tap", join(folder, "tier.test.mjs")],
    {
      cwd: root,
      env,
    },
  ).catch((error: { stdout: string }) => error);
  return stdout;
};

describe("what conforms", () => {
  beforeAll(() => {
    vi.stubEnv("SG_GATEWAY_PORT", "0");
    vi.stubEnv("SG_WEB_PORT", "0");
  });
  afterAll(() => void vi.unstubAllEnvs());

  it.concurrent.each(tiers.map(({ name, load }) => [name, load] as const))(
    "the tier %s conforms",
    async (name, load) => {
      const Tier = await load();
      const report = await conformance((options) => new Tier({ ...options, logger: silentLogger }), patient);
      expect(String(report)).toContain(`${name} conforms`);
    },
    deadlines.long,
  );

  conformanceSuite(
    "the suite runs in vitest",
    (options) => new TestTier(options, { onDrain: ({ phase }) => phase("notice", () => {}) }),
    { describe, it },
    { ...patient, redis: false },
  );
});

describe("the argument of the runner", () => {
  const runner = { describe: () => {}, it: () => {} };
  const declare = (given: object) => conformanceSuite("mine", (options) => new TestTier(options), { ...runner, ...given });

  it("refuses an option of the kit, which would have no effect there", () => {
    expect(() => declare({ only: ["run and stop"], redis: false })).toThrow(
      /^only, redis in the argument of the runner: .* the fourth/,
    );
  });

  it("may be a whole module of tests, which has more than the kit needs", () => {
    expect(() => declare({ only: () => {}, mock: {}, default: {} })).not.toThrow();
  });
});

describe("what a bad tier did wrong", () => {
  it("onStop hangs", async () => {
    expect(await reportTextOf({ onStop: hangs })).toContain("onStop never ended, although its signal aborted");
  });

  it("onStop ends only at its deadline", async () => {
    expect(await reportTextOf({ onStop: ({ signal }) => aborted(signal) })).toContain(
      "onStop ended only when its signal aborted, at its deadline of",
    );
  });

  it("onDrain ignores its signal, or throws", async () => {
    expect(await reportTextOf({ onDrain: hangs })).toContain("onDrain never ended, although its signal aborted");
    expect(await reportTextOf({ onDrain: () => Promise.reject(new Error("torn")) })).toContain(
      "it failed in stopping.announcing: onDrain failed: torn",
    );
  });

  it("run ignores its signal", async () => {
    expect(await reportTextOf({ run: hangs })).toContain("run never ended, although its signal aborted; 150 ms are allowed");
  });

  it("onStart ignores its signal", async () => {
    expect(await reportTextOf({ onStart: hangs }, "shutdown in starting")).toContain(
      "onStart never ended, although its signal aborted",
    );
  });

  it("onStart never ends", async () => {
    expect(await reportTextOf({ onStart: ({ signal }) => aborted(signal) })).toContain(
      "it never came to running, healthy: onStart did not finish within startTimeoutMs".replace(
        "running, healthy",
        "registering, healthy, running",
      ),
    );
  });

  it("a timer is left", async () => {
    const text = await reportTextOf({ onStart: () => void cleanups.push(stopper(setInterval(() => {}, 1000))) });
    expect(text).toMatch(/left open after the stop: a timer made in onStart \(testing\.test\.ts:\d+:\d+\)/);
  });

  it("a socket is left", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    cleanups.push(() => void server.close());
    const text = await reportTextOf({
      run: async ({ signal }) => {
        const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
        cleanups.push(() => void socket.destroy());
        await aborted(signal);
      },
    });
    expect(text).toMatch(/left open after the stop: a socket made in run/);
  });

  it("a server is left listening", async () => {
    const text = await reportTextOf({
      onStart: () => {
        const server = createServer().listen(0, "127.0.0.1");
        cleanups.push(() => void server.close());
      },
    });
    expect(text).toMatch(/left open after the stop: a listening socket made in onStart/);
  });

  it("what onStart made is left when it is cut half way", async () => {
    const leaky: TestHooks = {
      onStart: async ({ phase, defer, signal }) => {
        const timer = setInterval(() => {}, 1000);
        cleanups.push(stopper(timer));
        await phase("warm", () => new Promise((resolve) => setTimeout(resolve, 5)));
        signal.throwIfAborted();
        defer(() => clearInterval(timer));
      },
    };
    expect(await reportTextOf(leaky, "start cut at each step")).toContain("a timer made in onStart");
    expect(await reportTextOf(leaky, "start fails at each phase")).toContain("a timer made in onStart");
  });

  it("a release throws, and one hangs", async () => {
    const text = await reportTextOf({
      onStart: ({ defer }) => {
        defer(function closePool() {
          throw new Error("closed twice");
        });
        defer(function closeIndex() {
          return hangs();
        });
      },
    });
    expect(text).toContain("the release 'closePool' that onStart deferred failed: closed twice");
    expect(text).toContain("the release 'closeIndex' that onStart deferred never ended");
  });

  it.each([["run"], ["onStart"]] as const)("%s awaits shutdown, and so itself", async (hook) => {
    const text = await reportTextOf({ [hook]: async (_: unknown, tier: TestTier) => void (await tier.shutdown("enough")) });
    expect(text).toContain(`It called shutdown() and did not end: ${hook} must not await what waits for ${hook} (deadlock)`);
  });

  it("a shutdown in a hook that is not awaited is no fault", async () => {
    const hooks: TestHooks = { run: ({ signal }, tier) => (void tier.shutdown("enough"), aborted(signal)) };
    const options = { ...patient, redis: false, only: ["run and stop"] };
    expect(String(await conformance((given) => new TestTier(given, hooks), options))).toContain("test conforms");
  });

  it("a listener to a signal is left", async () => {
    const text = await reportTextOf({
      onStart: () => {
        const onTerm = () => {};
        process.on("SIGTERM", onTerm);
        cleanups.push(() => process.off("SIGTERM", onTerm));
      },
    });
    expect(text).toContain("a listener to the process is left: 'SIGTERM' (onTerm), added in onStart");
  });

  it("a loop goes on in the background", async () => {
    let on = true;
    cleanups.push(() => {
      on = false;
    });
    const reading = async () => {
      while (on) {
        await readFile(fileURLToPath(import.meta.url));
        await pause(20);
      }
    };
    expect(await reportTextOf({ onStart: () => void reading() })).toMatch(
      /left open after the stop: a (timer|file request) made in onStart/,
    );
    const turning = () => void (on && setImmediate(turning));
    const turns: TestHooks["run"] = ({ signal }) => {
      turning();
      return aborted(signal);
    };
    expect(await reportTextOf({ run: turns })).toMatch(/left open after the stop: an immediate made in run/);
  });

  it("a loop goes on in the background whose file takes longer to close than the quiet time", async () => {
    let on = true;
    cleanups.push(() => {
      on = false;
    });
    // started outside the tier, so that the kit does not count it: each thread of the pool is busy when the file closes
    const occupyPool = AsyncResource.bind(() =>
      Promise.all(Array.from({ length: 4 }, () => promisify(pbkdf2)("x", "y", 300_000, 32, "sha512"))),
    );
    const reading = async () => {
      while (on) {
        const file = await open(fileURLToPath(import.meta.url));
        void occupyPool();
        await file.close();
      }
    };
    expect(await reportTextOf({ onStart: () => void reading() })).toContain(
      "left open after the stop: a file request made in onStart",
    );
  });

  it("a message port, or a channel, is left listening", async () => {
    const listening = async (port: MessagePort | BroadcastChannel) => {
      cleanups.push(() => port.close());
      port.onmessage = () => {};
    };
    expect(await reportTextOf({ onStart: () => listening(new MessageChannel().port1) })).toContain(
      "a message port made in onStart",
    );
    expect(await reportTextOf({ onStart: () => listening(new BroadcastChannel("x")) })).toContain(
      "a message port made in onStart",
    );
  });

  it("it ends the process", async () => {
    const before = process.exit;
    const text = await reportTextOf({ onStop: () => process.exit(0) });
    expect(text).toContain("onStop would have ended the process, which only launch may");
    expect(process.exit).toBe(before);
  });

  it("F36: a hook that holds the event loop for a time is named", async () => {
    const holds: TestHooks = { onStart: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500) };
    const options = { ...patient, turnWithinMs: 400, redis: false, only: ["run and stop"] };
    const report = await conformance((given) => new TestTier(given, holds), options);
    expect(String(report)).toMatch(/onStart held the event loop for \d+ ms; 400 ms are allowed/);
  });

  it("a phase is not awaited", async () => {
    const text = await reportTextOf({
      onStart: ({ phase, signal }) => void phase("tools", () => aborted(signal)).catch(() => {}),
    });
    expect(text).toContain("the phase 'tools' was still under way when onStart had ended: await context.phase()");
  });

  it("onStop takes for granted that onStart came through", async () => {
    let pool: { close(): void } | undefined;
    const text = await reportTextOf(
      {
        onStart: () => {
          pool = { close() {} };
        },
        onStop: () => {
          pool!.close();
          pool = undefined;
        },
      },
      "start fails at each phase",
    );
    expect(text).toContain(
      "failed at its begin: it failed in stopping.unwinding: onStop failed: Cannot read properties of undefined",
    );
  });

  it("the constructor touches the world", async () => {
    class Eager extends TestTier {
      readonly timer = setInterval(() => {}, 1000);
    }
    const made: Eager[] = [];
    cleanups.push(() => made.map(({ timer }) => clearInterval(timer)));
    const factory = (options: object) => made[made.push(new Eager(options)) - 1]!;
    const report = await conformance(factory, { ...quick, redis: false, only: ["construction"] });
    expect(String(report)).toContain("left open after the stop: a timer made in the constructor");
  });

  it("it gives up when Redis is away, and leaves a connection behind", async () => {
    const fragile: TestHooks = {
      run: async ({ redis, signal }) => {
        const own = (redis as Redis).duplicate({ lazyConnect: false, retryStrategy: () => null });
        own.on("error", () => {});
        cleanups.push(() => own.disconnect());
        await Promise.race([
          aborted(signal),
          new Promise((_, reject) => own.once("close", () => reject(new Error("lost Redis")))),
        ]);
      },
    };
    const only = ["Redis restarted while running", "a Redis client of the caller's"];
    const report = await conformance((options) => new TestTier(options, fragile), { ...quick, only });
    expect(String(report)).toContain("it did not stay in running, but came to stopped: run failed: lost Redis");
    expect(String(report)).toContain("a pipe or unix socket made in run");
  });

  it("it closes a client that is not its own, or leaves listeners on it", async () => {
    const only = ["a Redis client of the caller's"];
    const closes = await conformance((options) => new TestTier(options, { onStop: ({ redis }) => redis.disconnect() }), {
      ...quick,
      only,
    });
    expect(String(closes)).toContain("the caller's client was closed; it is not the service's to close");
    const listens: TestHooks = { onStart: ({ redis }) => void redis.on("close", function onGone() {}) };
    const report = await conformance((options) => new TestTier(options, listens), { ...quick, only });
    expect(String(report)).toContain("listeners were left on the caller's client: 'close' (onGone)");
  });

  it("a factory that throws, or keeps the overrides to itself", async () => {
    const options = { ...quick, redis: false, only: ["run and stop", "restart"] };
    const throws = await conformance(() => {
      throw new Error("no key");
    }, options);
    expect(String(throws)).toContain("the service does not conform: 1 of 1 claims broken");
    expect(String(throws)).toContain("- no key");
    const keeps = await conformance(() => new TestTier({ redis: null }), options);
    expect(String(keeps)).toContain("the factory has to pass the overrides that it is given to the constructor");
  });

  it("a factory that returns one service again, one that has begun, or none", async () => {
    const options = { ...patient, redis: false, only: ["construction", "shutdown in running", "restart"] };
    const saidFor = async (factory: (overrides: object) => unknown) => String(await conformance(factory as never, options));
    let one: TestTier | undefined;
    const same = (overrides: object) => {
      one ??= new TestTier(overrides);
      return one;
    };
    expect(await saidFor(same)).toMatch(/1 of 2 claims broken[\s\S]*the factory has to make a new service at each call/);
    const begun = (overrides: object) => {
      const tier = new TestTier(overrides);
      void tier.shutdown();
      return tier;
    };
    expect(await saidFor(begun)).toMatch(/1 of 1 claims broken[\s\S]*in 'init': this one is 'stopped'/);
    expect(await saidFor(async (overrides) => new TestTier(overrides))).toContain("not a promise: await what makes");
    expect(await saidFor(() => ({}))).toContain("the factory has to return a service, not object");
    expect(await saidFor(() => null)).toContain("the factory has to return a service, not null");
    expect(await saidFor((overrides) => Object.freeze(new TestTier(overrides)))).toContain("frozen or sealed");
  });
});

describe("what is no fault", () => {
  it("files that were read, names that were looked up and bytes that were drawn", async () => {
    const asks = async () => {
      await readFile(fileURLToPath(import.meta.url));
      await new Promise((resolve) => stat(root, resolve));
      await lookup("localhost");
      randomFillSync(Buffer.alloc(8));
    };
    const only = ["run and stop"];
    const report = await conformance((options) => new TestTier(options, { onStart: asks }), { ...patient, redis: false, only });
    expect(String(report)).toContain("conforms");
  });

  it("a run that ends before the shutdown comes has completed", async () => {
    const only = ["run and stop", "shutdown in running"];
    const report = await conformance((options) => new TestTier(options, { run: () => {} }), { ...patient, redis: false, only });
    expect(String(report)).toContain("conforms");
  });
});

describe("the report", () => {
  it("nothing checked is nothing proven", () => {
    expect(new ConformanceReport("none", []).passed).toBe(false);
  });

  it("writes a breach once that is the same in many scenarios", async () => {
    const options = { ...quick, redis: false, only: ["run and stop", "shutdown in running"] };
    const text = String(await conformance((overrides) => new TestTier(overrides, { onStop: hangs }), options));
    expect(text.split("onStop never ended").length).toBe(2);
    expect(text).toContain("- the same as in 'run and stop'");
  });

  it("without a scenario is refused, and an empty report reads as not checked", async () => {
    const factory = (options: object) => new TestTier(options);
    await expect(conformance(factory, { only: [] })).rejects.toThrow("no scenario is left to play");
    const only = ["Redis absent at boot"];
    await expect(conformance(factory, { redis: false, only })).rejects.toThrow("no scenario is left to play");
    expect(String(new ConformanceReport("mine", []))).toBe("mine was not checked");
  });

  it("an unknown option and a scenario of an unknown name are refused", async () => {
    await expect(conformance(() => new TestTier(), { workMS: 1 } as never)).rejects.toThrow(
      "unknown option 'workMS' (did you mean workMs?)",
    );
    await expect(conformance(() => new TestTier(), { only: ["run"] })).rejects.toThrow("no scenario is called 'run'");
  });

  it("each scenario has a name of its own", () => {
    expect(new Set(scenarioNames).size).toBe(scenarioNames.length);
  });
});

describe("the suite in node:test", () => {
  const program = (onStop: string, limits: ConformanceOptions) => `
    import { describe, it } from "node:test";
    import { StargazerService } from "stargazer";
    import { conformanceSuite } from "stargazer/testing";
    class MyTier extends StargazerService {
      constructor(options) { super({ serviceName: "mine", logger: { debug() {}, info() {}, warn() {}, error() {} }, ...options }); }
      onStart() {}
      run({ signal }) { return new Promise((resolve) => signal.addEventListener("abort", resolve)); }
      onStop() { ${onStop} }
    }
    const only = ["construction", "run and stop", "Redis flushed while running"];
    conformanceSuite("my tier", (options) => new MyTier({ ...options }), { describe, it }, { only, ...${JSON.stringify(limits)} });
  `;

  it(
    "passes for a tier that conforms",
    async () => {
      const text = await runs(program("", patient));
      expect(text).toContain("# pass 3");
      expect(text).toContain("# fail 0");
    },
    deadlines.long,
  );

  it(
    "ends also where a tier leaves a timer behind",
    async () => {
      const text = await runs(program("setInterval(() => {}, 1000);", { settleMs: 150 }));
      expect(text).toContain("# fail 2");
      expect(text).toContain("left open after the stop: a timer made in onStop");
    },
    deadlines.long,
  );

  it(
    "fails for one that does not, with the reason",
    async () => {
      const text = await runs(program("return new Promise(() => {});", { stopWithinMs: 400 }));
      expect(text).toContain("# fail 2");
      expect(text).toContain("onStop never ended, although its signal aborted");
    },
    deadlines.long,
  );
});

describe("F36: a service that blocks the event loop for good", () => {
  const program = (hooks: string, play: string) => `
    import { describe, it } from "node:test";
    import { StargazerService } from "stargazer";
    import { conformance, conformanceSuite } from "stargazer/testing";
    class MyTier extends StargazerService {
      constructor(options) { super({ serviceName: "mine", ...options }); }
      onStart() {} onStop() {}
      run({ signal }) { return new Promise((resolve) => signal.addEventListener("abort", resolve)); }
    }
    class Blocked extends MyTier { ${hooks} }
    const factory = (options) => new Blocked(options);
    const options = { redis: false, turnWithinMs: 250, only: ["construction", "run and stop"] };
    ${play}
  `;
  const suite = "conformanceSuite('mine', factory, { describe, it }, options);";
  const alone = "await conformance(factory, options);";
  const spinning = "async run({ signal }) { while (!signal.aborted) try { await Promise.reject(new Error('away')); } catch {} }";
  const waits = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
  it.concurrent.each([
    ["a loop that catches what rejects without I/O, in a suite", spinning, suite, "run and stop", "run"],
    ["a wait without end in onStop, without a runner", `onStop() { ${waits} }`, alone, "run and stop", "onStop"],
    ["a wait without end in the constructor", `made = (() => { ${waits} })();`, alone, "construction", "the constructor"],
    [
      "a loop that no hook waits for",
      "onStart() { queueMicrotask(function again() { queueMicrotask(again); }); }",
      alone,
      "run and stop",
      "(onStart|a loop, listener or timer that no hook waits for)",
    ],
  ])("%s is named by a thread, which kills the process", async (_what, hooks, play, scenario, where) => {
    const text = await runs(program(hooks, play));
    expect(text).toContain(`stargazer/testing: '${scenario}' is BROKEN`);
    expect(text).toMatch(new RegExp(`- ${where} has held the event loop for \\d+ ms`));
    expect(text).toContain("SIGKILL");
  });
});

describe("the probe", () => {
  it("waits for states and facts, past and to come, and keeps them all", async () => {
    const tier = new TestTier({ redis: null });
    const probe = new LifecycleProbe(tier);
    const running = probe.state("running");
    const done = tier.runToCompletion();
    await running;
    await probe.state("jitter");
    expect((await probe.fact("phase.ended", { where: ({ phase }) => phase === "starting" })).outcome).toBe("done");
    void tier.shutdown();
    await done;
    expect((await probe.fact("stopped")).outcome).toBe("shutdown");
    expect(probe.states).toEqual(tier.states);
    expect(probe.history.find(({ fact }) => fact.type === "state.entered" && fact.state === "running")?.path).toBe("running");
  });

  it("refuses what can no longer come, what does not come in time, and when its signal aborts, telling what was seen", async () => {
    const tier = new TestTier({ redis: null });
    const probe = new LifecycleProbe(tier);
    await expect(probe.state("running", { timeoutMs: 10 })).rejects.toThrow(
      "the state 'running' did not come within 10 ms. Seen: init.",
    );
    await expect(probe.fact("degraded", { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    const waiting = probe.state("running");
    waiting.catch(() => {});
    await tier.shutdown();
    await expect(waiting).rejects.toThrow("did not come before the service had stopped");
    probe.stop();
    probe.stop();
  });
});

describe("the Redis of one's own", () => {
  it("is flushed, frozen, killed and back under the same URL", async () => {
    const redis = await TestRedis.start();
    try {
      const { url } = redis;
      await redis.ask((client) => client.set("key", "1"));
      await redis.flush();
      expect(await redis.ask((client) => client.exists("key"))).toBe(0);
      redis.freeze();
      const asked = redis.ask((client) => client.ping());
      redis.thaw();
      expect(await asked).toBe("PONG");
      await redis.kill();
      await expect(redis.ask((client) => client.ping())).rejects.toThrow();
      await redis.restart();
      expect(redis.url).toBe(url);
      expect(await redis.ask((client) => client.ping())).toBe("PONG");
      redis.freeze();
    } finally {
      await redis.stop();
    }
  });
});

describe("the README", () => {
  const samples = [...readFileSync(new URL("../../README.md", import.meta.url), "utf8").matchAll(/```js\n([\s\S]*?)```/g)];
  const suites = samples.map(([, code]) => code!).filter((code) => code.includes("conformanceSuite("));
  it(
    "its samples of a suite run and pass",
    async () => {
      for (const code of suites) expect(await runs(code)).toContain("# fail 0");
    },
    deadlines.long,
  );
});

const stopper = (timer: NodeJS.Timeout) => () => clearInterval(timer);
