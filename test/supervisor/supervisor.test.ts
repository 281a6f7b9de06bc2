/** The supervisor chart over real processes. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { waitFor } from "xstate";
import type { ChildAddresses, SupervisorSettings, SupervisorSnapshot } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import type { Supervisor } from "../../src/supervisor/index.ts";
import { processChild, supervise } from "../../src/supervisor/index.ts";
import { isAlive } from "../kit/alive.ts";
import { deadlines } from "../kit/deadlines.ts";
import { eventually } from "../kit/wait.ts";

describe("a supervised process", () => {
  const folder = mkdtempSync(join(tmpdir(), "sg-supervisor-"));
  const program = fileURLToPath(new URL("../fixtures/child.mjs", import.meta.url));
  const started: Supervisor[] = [];
  const given: ChildAddresses[] = [];
  const begin = (mode: string, settings: Partial<SupervisorSettings> = {}): { supervisor: Supervisor; lines: () => string[] } => {
    const file = join(folder, `${mode}-${started.length}`);
    const child = processChild((addresses) => {
      given.push(addresses);
      return { command: process.execPath, args: [program, mode, file] };
    });
    const supervisor = supervise(child, { settings: { backoffMs: 10, ...settings }, random: () => 0.5 });
    started.push(supervisor);
    return { supervisor, lines: () => readFileSync(file, "utf8").trim().split("\n") };
  };
  const until = (supervisor: Supervisor, path: string): Promise<SupervisorSnapshot> =>
    waitFor(supervisor.actor, (snapshot) => statePath(snapshot) === path, { timeout: deadlines.fact });
  const contextOf = ({ actor }: Supervisor) => actor.getSnapshot().context;
  afterEach(() => Promise.all(started.map((supervisor) => supervisor.kill())));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("gets exactly one SIGTERM however often it is stopped, and its report is kept", async () => {
    const { supervisor, lines } = begin("polite");
    const { context } = await until(supervisor, "alive.up");
    expect(context.phase).toBe("running");
    expect(lines()).toContain(`pid ${context.pid}`);
    const [first, second] = await Promise.all([supervisor.stop(), supervisor.stop()]);
    expect(first).toBe(second);
    expect(first).toMatchObject({ end: "stopped", exit: { code: 0, signal: null }, restarts: 0 });
    expect(first.report).toEqual({ outcome: "shutdown", reason: "SIGTERM", exitCode: 0 });
    expect(lines().filter((line) => line === "SIGTERM")).toHaveLength(1);
  });

  it("that has announced that it stops gets no SIGTERM", async () => {
    const { supervisor, lines } = begin("leaving");
    await until(supervisor, "alive.up");
    process.kill(contextOf(supervisor).pid!, "SIGHUP");
    await waitFor(supervisor.actor, ({ context }) => context.phase === "stopping.draining", { timeout: deadlines.fact });
    const stopped = supervisor.stop();
    process.kill(contextOf(supervisor).pid!, "SIGHUP");
    expect(await stopped).toMatchObject({ end: "stopped", exit: { code: 0, signal: null } });
    expect(lines()).not.toContain("SIGTERM");
  });

  it("is killed with all that it started when it outlives its deadline", async () => {
    const { supervisor, lines } = begin("rude", { stopTimeoutMs: 50 });
    await until(supervisor, "alive.up");
    const end = await supervisor.stop();
    expect(end).toMatchObject({ end: "killed", exit: { code: null, signal: "SIGKILL" } });
    expect(end.trouble).toBe("did not stop within stopTimeoutMs");
    const own = Number(
      lines()
        .find((line) => line.startsWith("own"))
        ?.slice(4),
    );
    await eventually("it is gone", () => !isAlive(own));
  });

  it.each(["crash", "fail"])("that exits with 1 at once (%s) is given up after four restarts", async (mode) => {
    const { supervisor, lines } = begin(mode);
    await until(supervisor, "givenUp");
    const end = await supervisor.stop();
    expect(end).toMatchObject({ end: "givenUp", exit: { code: 1 }, restarts: 4, trouble: "exited with code 1" });
    expect(lines().filter((line) => line.startsWith("pid"))).toHaveLength(5);
  });

  it("that exits with 2 is given up at once", async () => {
    const { supervisor } = begin("misconfigured");
    await until(supervisor, "givenUp");
    expect(await supervisor.stop()).toMatchObject({ end: "givenUp", exit: { code: 2 }, restarts: 0 });
  });

  it("that was given up is started again after restartWindowMs", async () => {
    const { supervisor, lines } = begin("misconfigured", { restartWindowMs: 20 });
    await waitFor(supervisor.actor, (snapshot) => snapshot.matches("givenUp") && snapshot.context.restarts >= 2, {
      timeout: deadlines.fact,
    });
    await supervisor.kill();
    expect(lines().filter((line) => line.startsWith("pid")).length).toBeGreaterThanOrEqual(3);
  });

  it("that exits with 0 without being asked is not started again", async () => {
    expect(await begin("done").supervisor.ended).toMatchObject({ end: "ended", exit: { code: 0 }, restarts: 0 });
  });

  it("that is never running is replaced", async () => {
    const { supervisor } = begin("mute", { startTimeoutMs: 300, maxRestarts: 1 });
    await until(supervisor, "givenUp");
    const end = await supervisor.stop();
    expect(end).toMatchObject({ end: "givenUp", restarts: 1, trouble: "was not running within startTimeoutMs" });
  });

  it("is restarted after a SIGKILL from outside, and is given where the one before it listened", async () => {
    const { supervisor } = begin("listener");
    const { context } = await until(supervisor, "alive.up");
    const http = { host: "127.0.0.1", port: 8081, taken: [8080] };
    expect(context.addresses).toEqual({ http });
    expect(given.at(-1)).toEqual({});
    const backingOff = until(supervisor, "backingOff");
    process.kill(context.pid as number, "SIGKILL");
    expect((await backingOff).context).toMatchObject({ pid: undefined, trouble: "was ended by SIGKILL" });
    await until(supervisor, "alive.up");
    expect(contextOf(supervisor).pid).not.toBe(context.pid);
    expect(contextOf(supervisor).restarts).toBe(1);
    expect(given.at(-1)).toEqual({ http });
  });

  it("that cannot be spawned is given up with the reason", async () => {
    const child = processChild(() => ({ command: join(folder, "no-such-program"), args: [] }));
    const supervisor = supervise(child, { settings: { backoffMs: 1 } });
    await until(supervisor, "givenUp");
    expect((await supervisor.stop()).trouble).toMatch(/^could not be started: .*ENOENT/);
  });

  it("whose arguments Node refuses is given up with the reason", async () => {
    const child = processChild(() => ({ command: process.execPath, args: ["a\0b"] }));
    const supervisor = supervise(child, { settings: { maxRestarts: 0 } });
    await until(supervisor, "givenUp");
    expect((await supervisor.stop()).trouble).toMatch(/^could not be started: .*null bytes/);
  });

  it("is killed by a stop of its actor", async () => {
    const { supervisor } = begin("rude");
    const { context } = await until(supervisor, "alive.up");
    started.pop();
    supervisor.actor.stop();
    await eventually("it is gone", () => !isAlive(context.pid as number));
  });
});
