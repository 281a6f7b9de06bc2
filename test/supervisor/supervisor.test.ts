import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { waitFor } from "xstate";
import type { SupervisorSettings } from "../../machines/index.ts";
import { isAlive } from "../../src/process.ts";
import type { Supervisor } from "../../src/supervisor/index.ts";
import { startChild, supervise } from "../../src/supervisor/index.ts";

describe("a supervised process", () => {
  const folder = mkdtempSync(join(tmpdir(), "sg-supervisor-"));
  const program = fileURLToPath(new URL("../fixtures/child.mjs", import.meta.url));
  const started: Supervisor[] = [];
  const begin = (mode: string, settings: Partial<SupervisorSettings> = {}): { supervisor: Supervisor; lines: () => string[] } => {
    const file = join(folder, `${mode}-${started.length}`);
    const spec = { command: process.execPath, args: [program, mode, file] };
    const startable = { name: mode, start: async (hear: Parameters<typeof startChild>[1]) => startChild(spec, hear) };
    const supervisor = supervise(startable, { settings: { backoffMs: 10, ...settings }, random: () => 0.5 });
    started.push(supervisor);
    return { supervisor, lines: () => readFileSync(file, "utf8").trim().split("\n") };
  };
  const until = (supervisor: Supervisor, state: string) =>
    waitFor(supervisor.actor, (snapshot) => snapshot.value === state, { timeout: 10_000 });
  afterEach(async () => {
    await Promise.all(started.map((supervisor) => supervisor.kill()));
  });

  it("says where it is, gets exactly one SIGTERM however often it is stopped, and its report is kept", async () => {
    const { supervisor, lines } = begin("polite");
    const { context } = await until(supervisor, "up");
    expect(context.phase).toBe("running");
    const [first, second] = await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(first).toBe(second);
    expect(first).toMatchObject({ end: "stopped", exit: { code: 0, signal: null }, restarts: 0 });
    expect(first.report).toEqual({ outcome: "shutdown", reason: "SIGTERM", exitCode: 0 });
    expect(lines().filter((line) => line === "SIGTERM")).toHaveLength(1);
  });

  it("is killed with all that it started when it outlives its budget", async () => {
    const { supervisor, lines } = begin("rude", { stopTimeoutMs: 50 });
    await until(supervisor, "up");
    const end = await supervisor.stop();
    expect(end).toMatchObject({ end: "killed", exit: { code: null, signal: "SIGKILL" } });
    expect(end.trouble).toBe("did not stop within stopTimeoutMs");
    const own = Number(
      lines()
        .find((line) => line.startsWith("own"))
        ?.slice(4),
    );
    await expect.poll(() => isAlive(own), { timeout: 10_000 }).toBe(false);
  });

  it.each(["crash", "fail"])("that goes down at once (%s) five times in a row is given up", async (mode) => {
    const { supervisor, lines } = begin(mode);
    const end = await supervisor.ended;
    expect(end).toMatchObject({ end: "givenUp", exit: { code: 1 }, restarts: 4, trouble: "exited with code 1" });
    expect(lines().filter((line) => line.startsWith("pid"))).toHaveLength(5);
  });

  it("that is wrongly configured is given up at once", async () => {
    expect(await begin("misconfigured").supervisor.ended).toMatchObject({ end: "givenUp", exit: { code: 2 }, restarts: 0 });
  });

  it("that ends well without being asked is not started again", async () => {
    expect(await begin("done").supervisor.ended).toMatchObject({ end: "ended", exit: { code: 0 }, restarts: 0 });
  });

  it("that never says that it runs is replaced", async () => {
    const { supervisor } = begin("mute", { startTimeoutMs: 300, maxQuickFailures: 2 });
    const end = await supervisor.ended;
    expect(end).toMatchObject({ end: "givenUp", restarts: 1, trouble: "did not say that it runs within startTimeoutMs" });
  });

  it("is started again after a SIGKILL from outside", async () => {
    const { supervisor } = begin("polite");
    await until(supervisor, "up");
    const { pid } = supervisor;
    process.kill(pid as number, "SIGKILL");
    await until(supervisor, "backingOff");
    await until(supervisor, "up");
    expect(supervisor.pid).not.toBe(pid);
    expect(supervisor.actor.getSnapshot().context.restarts).toBe(1);
  });

  it("that cannot be started at all is given up with the reason", async () => {
    const spec = { command: join(folder, "no-such-program"), args: [] };
    const start = async (hear: Parameters<typeof startChild>[1]) => startChild(spec, hear);
    const supervisor = supervise({ name: "nowhere", start }, { settings: { backoffMs: 1 } });
    expect((await supervisor.ended).trouble).toMatch(/^could not be started: .*ENOENT/);
    rmSync(folder, { recursive: true, force: true });
  });
});
