/** Launched services as real processes on a real Redis: signals in every state, exit codes, reports, and nothing left. */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { endPrograms, Program } from "./kit/program.ts";
import { LoopbackProxy } from "./kit/proxy.ts";
import type { TestRedis } from "./kit/redis.ts";
import { startTestRedis } from "./kit/redis.ts";
import { eventually } from "./kit/wait.ts";

const { version: ownVersion } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

let redis: TestRedis;
let proxy: LoopbackProxy;
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await LoopbackProxy.start(redis.port);
});
afterEach(async () => {
  await endPrograms();
  proxy.mode = "pass";
  await redis.witness.flushall();
});
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

const entries = () => redis.witness.keys("sg:registry:service:*");
const service = (test: object = {}, url = redis.url) =>
  new Program("service.mjs", { env: { SG_TEST: JSON.stringify(test), REDIS_URL: url } });
const closedPort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

describe("SIGTERM", () => {
  const ends = async (program: Program, code = 0) => {
    program.signal("SIGTERM");
    const ending = await program.ended;
    expect(ending, program.errors).toMatchObject({ code, signal: null });
    expect(program.report).toMatchObject({ exitCode: code, reason: "SIGTERM" });
    expect(await entries()).toEqual([]);
  };
  const outcomeOf = (program: Program, phase: string) =>
    ((program.report?.phases ?? []) as { phase: string; outcome: string }[]).find((ended) => ended.phase === phase)?.outcome;

  it("in jitter cuts the jitter; the process exits with 0 and calls no hook", async () => {
    const program = service({ options: { jitterMaxMs: 1e8 } });
    await program.state("jitter");
    await ends(program);
    expect([outcomeOf(program, "jitter"), outcomeOf(program, "stopping.unwinding")]).toEqual(["aborted", "skipped"]);
  });

  it("in pinging cuts the attempts at a Redis that refuses; the process exits with 0", async () => {
    const program = service({ options: { pingAttempts: 1000 } }, `redis://127.0.0.1:${await closedPort()}`);
    await program.state("pinging");
    await ends(program);
    expect(outcomeOf(program, "pinging")).toBe("aborted");
  });

  it("in pinging cuts the attempt at a Redis that does not answer; the process exits with 0", async () => {
    proxy.mode = "stall";
    const program = service({ options: { pingTimeoutMs: 60_000 } }, proxy.through(redis.url));
    await program.state("pinging");
    await ends(program);
    expect(outcomeOf(program, "pinging")).toBe("aborted");
  });

  it("in starting ends an onStart that obeys its signal, then onStop is called; the process exits with 0", async () => {
    const program = service({ onStart: "obedient" });
    await program.state("starting");
    await ends(program);
    expect(outcomeOf(program, "stopping.unwinding")).toBe("done");
  });

  it("in starting waits for an onStart that ignores its signal, then onStop is called; nothing is registered afterwards", async () => {
    const program = service({ onStart: "rude" });
    await program.state("starting");
    await ends(program);
    expect(program.lines.some(({ state }) => state === "registering")).toBe(false);
    expect(outcomeOf(program, "stopping.unwinding")).toBe("done");
  });

  it("in starting with an onStart that outlives its drain is named as the failure; the process exits with 1", async () => {
    const program = service({ onStart: "hangs", options: { drainTimeoutMs: 50 } });
    await program.state("starting");
    await ends(program, 1);
    expect(program.report).toMatchObject({ error: { code: "SG_ERR_DRAIN_TIMEOUT" } });
    expect(program.errors).toMatch(/still alive 1000 ms after the last service stopped; open: .*Timeout/);
  });

  it("in registering ends the process with 0, and the write that hung leaves no entry", async () => {
    const program = service({ onStart: "waits" }, proxy.through(redis.url));
    await program.state("starting");
    proxy.mode = "stall";
    program.write("go\n");
    await program.state("registering");
    await ends(program);
    proxy.mode = "pass";
    expect(await entries()).toEqual([]);
  });

  it("in healthy, before run, deregisters the service and never calls run; the process exits with 0", async () => {
    const program = service({ hold: true });
    await program.state("healthy");
    await ends(program);
    expect(program.lines.some(({ state }) => state === "running")).toBe(false);
    expect(outcomeOf(program, "stopping.unwinding")).toBe("done");
  });

  it("in healthy, while the health server opens, ends the process with 0", async () => {
    const program = service({ on: { healthy: "SIGTERM" } });
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
    expect(await entries()).toEqual([]);
  });

  it("in running deregisters the service and stops it without a failure; the process exits with 0", async () => {
    const program = service();
    await program.state("running");
    expect(await entries()).toHaveLength(1);
    await ends(program);
    expect(program.report).toMatchObject({ failures: [] });
  });

  it("in stopping after a SIGINT changes nothing, and the first reason stays", async () => {
    const program = service({ onStop: "rude" });
    await program.state("running");
    program.signal("SIGINT");
    await program.state("stopping");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ reason: "SIGINT", outcome: "shutdown" });
  });
});

describe("a registry entry", () => {
  it("has the version of the package.json nearest to the main module, under plain node", async () => {
    const program = new Program("service.mjs", {
      env: { SG_TEST: "{}", REDIS_URL: redis.url, npm_package_version: "", SG_VERSION: "" },
    });
    await program.state("running");
    const [key] = await entries();
    expect(JSON.parse((await redis.witness.get(key!))!)).toMatchObject({ version: ownVersion });
  });
});

describe("two signals", () => {
  it("that come at once, as supervisors send them, are one", async () => {
    const program = service({ onStop: "rude" });
    await program.state("running");
    for (const signal of ["SIGSTOP", "SIGTERM", "SIGINT", "SIGCONT"] as const) program.signal(signal);
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "shutdown", reason: expect.stringMatching(/^SIG(TERM|INT)$/) });
  });

  it("apart end the process at once, with the second one's code and a last line that names what was waited for", async () => {
    const program = service({ onStop: "hangs" });
    await program.state("running");
    program.signal("SIGTERM");
    await program.state("stopping");
    await eventually("a signal that counts as the second ends it", () => {
      program.signal("SIGINT");
      return program.child.exitCode !== null;
    });
    expect(await program.ended).toMatchObject({ code: 130 });
    expect(program.errors).toMatch(/SIGINT again: exiting at once, without waiting for fixture\/\S+ in stopping\.\w+/);
  });
});

describe("the end of a process", () => {
  it("whose run returns is exit 0, with a completed service and an empty registry", async () => {
    const program = service({ run: "quick" });
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "completed" });
    expect(await entries()).toEqual([]);
  });

  it("that is a worker of node:cluster comes by itself, and nothing is named as open", async () => {
    const primary = new Program("cluster.mjs", {
      args: ["service.mjs"],
      env: { SG_TEST: JSON.stringify({ run: "quick", options: { redis: null } }) },
    });
    expect(await primary.ended).toMatchObject({ code: 0 });
    expect(primary.lines).toContainEqual({ type: "worker", code: 0, signal: null });
    expect(primary.errors).toBe("");
  });

  it.each([
    ["disconnect", "a primary of node:cluster disconnects", {}, "the primary has disconnected"],
    ["shutdown", "pm2 sends its message shutdown", { pm_id: "0" }, "shutdown"],
  ])("F66: is a stop at %s, by which %s", async (word, _, env, reason) => {
    const own = { SG_TEST: JSON.stringify({ options: { redis: null } }), ...env };
    const primary = new Program("cluster.mjs", { args: ["service.mjs"], env: own });
    await primary.state("running");
    primary.write(`${word}\n`);
    expect(await primary.ended).toMatchObject({ code: 0 });
    expect(primary.report).toMatchObject({ outcome: "shutdown", reason });
    expect(primary.lines).toContainEqual({ type: "worker", code: 0, signal: null });
    expect(primary.errors).toBe("");
  });

  it("F66: is a stop where the primary has disconnected its worker before the launch", async () => {
    const env = { SG_TEST: JSON.stringify({ options: { redis: null } }) };
    const primary = new Program("cluster.mjs", { args: ["late-worker.mjs"], env });
    primary.write("disconnect\n");
    expect(await primary.ended).toMatchObject({ code: 0 });
    expect(primary.report).toMatchObject({ outcome: "shutdown", reason: "the primary has disconnected" });
    expect(primary.lines).toContainEqual({ type: "worker", code: 0, signal: null });
  });

  it("F66: is none at a message of a parent that is not pm2, which the program's own listener gets", async () => {
    const own = { SG_TEST: JSON.stringify({ options: { redis: null } }), pm_id: "" };
    const primary = new Program("cluster.mjs", { args: ["listener.mjs"], env: own });
    await primary.state("running");
    primary.write("shutdown\n");
    await primary.line("the message", ({ type }) => type === "message");
    expect(await primary.ended).toMatchObject({ code: 0 });
    expect(primary.report).toMatchObject({ outcome: "completed" });
  });

  it("whose run throws is exit 1, with everything undone", async () => {
    const program = service({ run: "throws" });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({
      outcome: "failed",
      error: { code: "SG_ERR_RUN_FAILED", message: "run failed: as planned" },
    });
    expect(await entries()).toEqual([]);
  });

  it.each([
    ["an uncaught exception", "uncaught", "out of nowhere"],
    ["an unhandled rejection", "rejection", "not awaited"],
  ])("after %s is one graceful stop with that cause, and exit 1", async (_, run, message) => {
    const program = service({ run });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({ error: { code: "SG_ERR_UNCAUGHT", message: `uncaught: ${message}` } });
    expect(await entries()).toEqual([]);
  });

  it("whose signal rejects waits that are not awaited is exit 0: they repeat the stop", async () => {
    const program = service({ run: "unawaited" });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(program.errors).toBe("");
  });

  it("after a second uncaught exception, in stopping, is exit 1 at once", async () => {
    const program = service({ run: "uncaught", onStop: "hangs", on: { stopping: "throw" } });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toBeUndefined();
    expect(program.errors).toContain("uncaught again: uncaught: second");
  });

  it("that crashes in stopping after a signal is never exit 0", async () => {
    const program = service({ on: { stopping: "throw" }, onStop: "rude" });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({ outcome: "failed", reason: "SIGTERM", error: { code: "SG_ERR_UNCAUGHT" } });
  });

  it("after a configuration error of the factory is exit 2 with one line, and nothing was touched", async () => {
    const program = service({ options: { serviceName: "a:b", healthPort: -1 } });
    expect(await program.ended).toMatchObject({ code: 2 });
    expect(program.errors).toMatch(/^stargazer: SG_ERR_CONFIG_INVALID: .*2 problems: .*\n$/);
    expect(program.lines).toEqual([]);
  });

  it("whose required Redis refuses is exit 1, with a line that names the Redis and what to do", async () => {
    const program = service({}, `redis://user:hunter2@127.0.0.1:${await closedPort()}`);
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({ error: { code: "SG_ERR_REDIS_UNREACHABLE", phase: "pinging" } });
    expect(program.texts.join("\n")).toMatch(/Redis at redis:\/\/user:\*+@127\.0\.0\.1:\d+.*3 attempts: .*Is it running\?/);
    expect(program.texts.join("\n") + program.errors).not.toContain("hunter2");
  });

  it("with a timer left open comes 1 s later, and the timer is named", async () => {
    const program = service({ on: { running: "leak" } });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.errors).toMatch(/still alive 1000 ms after the last service stopped; open: .*Timeout/);
  });

  it("of several launched services comes when a signal has stopped them all", async () => {
    const program = service({ count: 3 });
    for (const instance of ["i1", "i2"])
      await program.line(`${instance} runs`, (line) => line.state === "running" && line.instance === instance);
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.lines.filter(({ type }) => type === "report")).toHaveLength(3);
    expect(await entries()).toEqual([]);
  });
});
