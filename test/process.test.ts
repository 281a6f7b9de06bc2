/** Launched services as real processes on a real Redis: signals in every state, exit codes, reports, and nothing left. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { endPrograms, Program } from "./kit/program.ts";
import { LoopbackProxy } from "./kit/proxy.ts";
import type { TestRedis } from "./kit/redis.ts";
import { startTestRedis } from "./kit/redis.ts";

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
    return ending;
  };
  const hooksCalled = (program: Program) =>
    ((program.report?.phases ?? []) as { phase: string; outcome: string }[]).find(({ phase }) => phase === "stopping.unwinding")
      ?.outcome;

  it("in jitter: exit 0 at once, no hook called", async () => {
    const program = service({ options: { jitterMaxMs: 60_000 } });
    await program.state("jitter");
    const { ms } = await ends(program);
    expect(ms).toBeLessThan(1000);
    expect(hooksCalled(program)).toBe("skipped");
  });

  it("in pinging, refused: exit 0 at once", async () => {
    const program = service({ options: { pingAttempts: 1000 } }, `redis://127.0.0.1:${await closedPort()}`);
    await program.state("pinging");
    expect((await ends(program)).ms).toBeLessThan(1500);
  });

  it("in pinging, black hole: exit 0 at once", async () => {
    proxy.mode = "stall";
    const program = service({ options: { pingTimeoutMs: 60_000 } }, proxy.through(redis.url));
    await program.state("pinging");
    expect((await ends(program)).ms).toBeLessThan(1500);
  });

  it("in starting, obedient: exit 0, onStop called", async () => {
    const program = service({ onStart: "obedient" });
    await program.state("starting");
    await ends(program);
    expect(hooksCalled(program)).toBe("done");
  });

  it("in starting, rude: waits for onStart, then onStop; nothing gets registered afterwards", async () => {
    const program = service({ onStart: "rude" });
    await program.state("starting");
    await ends(program);
    expect(program.lines.some(({ state }) => state === "registering")).toBe(false);
    expect(hooksCalled(program)).toBe("done");
  });

  it("in starting, rude beyond its drain: exit 1, named", async () => {
    const program = service({ onStart: "hangs", options: { drainTimeoutMs: 50 } });
    await program.state("starting");
    await ends(program, 1);
    expect(program.report).toMatchObject({ error: { code: "SG_ERR_DRAIN_TIMEOUT" } });
    expect(program.errors).toMatch(/still alive 1000 ms after the last service stopped; open: .*Timeout/);
  });

  it("in registering: exit 0, and the register that was stuck brings no entry back", async () => {
    const program = service({ onStart: "waits" }, proxy.through(redis.url));
    await program.state("starting");
    proxy.mode = "stall";
    program.write("go\n");
    await program.state("registering");
    await ends(program);
    proxy.mode = "pass";
    expect(await entries()).toEqual([]);
  });

  it("in healthy, before run: exit 0, deregistered, run never called", async () => {
    const program = service({ hold: true });
    await program.state("healthy");
    await ends(program);
    expect(program.lines.some(({ state }) => state === "running")).toBe(false);
    expect(hooksCalled(program)).toBe("done");
  });

  it("in healthy, while the health server opens: exit 0", async () => {
    const program = service({ on: { healthy: "SIGTERM" } });
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
    expect(await entries()).toEqual([]);
  });

  it("in running: exit 0, deregistered", async () => {
    const program = service();
    await program.state("running");
    expect(await entries()).toHaveLength(1);
    expect((await ends(program)).ms).toBeLessThan(1500);
  });

  it("in stopping: changes nothing, and the first reason stays", async () => {
    const program = service({ onStop: "rude" });
    await program.state("running");
    program.signal("SIGINT");
    await program.state("stopping");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ reason: "SIGINT", outcome: "shutdown" });
  });
});

describe("two signals", () => {
  const twoSignals = async (apartMs: number, onStop: string) => {
    const program = service({ onStop });
    await program.state("running");
    program.signal("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, apartMs));
    program.signal("SIGINT");
    return { program, ending: await program.ended };
  };

  it("10 ms apart, as supervisors send them, are one", async () => {
    const { program, ending } = await twoSignals(10, "rude");
    expect(ending).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM" });
  });

  it("500 ms apart end it at once, with the second one's code and a last line that names what was waited for", async () => {
    const { program, ending } = await twoSignals(500, "hangs");
    expect(ending).toMatchObject({ code: 130 });
    expect(ending.ms).toBeLessThan(1000);
    expect(program.errors).toMatch(/SIGINT again: exiting at once, without waiting for fixture\/\S+ in stopping\.unwinding/);
  });
});

describe("the end", () => {
  it("run that returns: exit 0, completed, registry empty", async () => {
    const program = service({ run: "quick" });
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.report).toMatchObject({ outcome: "completed" });
    expect(await entries()).toEqual([]);
  });

  it("run that throws: exit 1, everything undone", async () => {
    const program = service({ run: "throws" });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({
      outcome: "failed",
      error: { code: "SG_ERR_RUN_FAILED", message: "run failed: as told" },
    });
    expect(await entries()).toEqual([]);
  });

  it.each([
    ["an uncaught exception", "uncaught", "out of nowhere"],
    ["an unhandled rejection", "rejection", "nobody listens"],
  ])("%s: one graceful stop with that cause, exit 1", async (_, run, message) => {
    const program = service({ run });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({ error: { code: "SG_ERR_UNCAUGHT", message: `uncaught: ${message}` } });
    expect(await entries()).toEqual([]);
  });

  it("a second uncaught exception while stopping: exit 1 at once", async () => {
    const program = service({ run: "uncaught", onStop: "hangs", on: { stopping: "throw" } });
    const { code, ms } = await program.ended;
    expect([code, ms < 5000]).toEqual([1, true]);
    expect(program.errors).toContain("uncaught again: uncaught: second");
  });

  it("a crash while stopping after a signal is never exit 0", async () => {
    const program = service({ on: { stopping: "throw" }, onStop: "rude" });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.report).toMatchObject({ outcome: "failed", reason: "SIGTERM", error: { code: "SG_ERR_UNCAUGHT" } });
  });

  it("a configuration error of the factory: one line, exit 2, nothing touched", async () => {
    const program = service({ options: { serviceName: "a:b", healthPort: -1 } });
    expect(await program.ended).toMatchObject({ code: 2 });
    expect(program.errors).toMatch(/^stargazer: SG_ERR_CONFIG_INVALID: .*2 problem\(s\).*\n$/);
    expect(program.lines).toEqual([]);
  });

  it("Redis refused and required: exit 1 with a line that helps, within 5 s", async () => {
    const program = service({}, `redis://user:hunter2@127.0.0.1:${await closedPort()}`);
    const { code, ms } = await program.ended;
    expect([code, ms < 6000]).toEqual([1, true]);
    expect(program.report).toMatchObject({ error: { code: "SG_ERR_REDIS_UNREACHABLE", phase: "pinging" } });
    expect(program.texts.join("\n")).toMatch(/Redis at redis:\/\/user:\*+@127\.0\.0\.1:\d+.*3 attempts: .*Is it running\?/);
    expect(program.texts.join("\n") + program.errors).not.toContain("hunter2");
  });

  it("what is still open 1 s later is named, and the process ends all the same", async () => {
    const program = service({ on: { running: "leak" } });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.errors).toMatch(/still alive 1000 ms after the last service stopped; open: .*Timeout/);
  });

  it("several launches share one set of handlers: a signal stops them all, the worst code wins", async () => {
    const program = service({ count: 3 });
    for (const instance of ["i1", "i2"])
      await program.line(`${instance} runs`, (line) => line.state === "running" && line.instance === instance);
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(program.lines.filter(({ type }) => type === "report")).toHaveLength(3);
    expect(await entries()).toEqual([]);
  });
});
