import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { initialTransition, transition, waitFor } from "xstate";
import type { SupervisorContext, SupervisorSettings, SupervisorSnapshot } from "../machines/index.ts";
import { defaultSupervisorSettings, supervisorMachine } from "../machines/index.ts";
import { isAlive } from "../src/process.ts";
import type { Supervisor } from "../src/supervisor/index.ts";
import { supervise } from "../src/supervisor/index.ts";

type AnyEvent = { type: string } & Record<string, unknown>;
const done = (actor: string, output: unknown): AnyEvent => ({ type: `xstate.done.actor.${actor}`, output });
const error = (actor: string): AnyEvent => ({ type: `xstate.error.actor.${actor}`, error: new Error("broken") });
const after = (delay: string, state: string): AnyEvent => ({ type: `xstate.after.${delay}.supervisor.${state}` });
const exited = (code: number | null, signal: string | null = null) => ({ type: "exited", code, signal });

const events = {
  stop: { type: "stop" },
  kill: { type: "kill" },
  "start: up": done("startChild", { type: "up" }),
  "start: exited 0": done("startChild", exited(0)),
  "start: exited 1": done("startChild", exited(1)),
  "start: exited 2": done("startChild", exited(2)),
  "start: error": error("startChild"),
  "start: timeout": after("startTimeout", "starting"),
  "watch: exited 0": done("watchChild", exited(0)),
  "watch: exited 1": done("watchChild", exited(1)),
  "watch: exited 2": done("watchChild", exited(2)),
  "watch: SIGKILL": done("watchChild", exited(null, "SIGKILL")),
  "watch: error": error("watchChild"),
  settled: after("settleTime", "up"),
  "backoff over": after("backoff", "backingOff"),
  "stop: exited": done("stopChild", exited(0)),
  "stop: error": error("stopChild"),
  "stop: timeout": after("stopTimeout", "stopping"),
  "kill: exited": done("killChild", exited(null, "SIGKILL")),
  "kill: error": error("killChild"),
  "replace: timeout": after("killTimeout", "replacing"),
  "kill: timeout": after("killTimeout", "killing"),
} satisfies Record<string, AnyEvent>;
type EventName = keyof typeof events;

/** From, event, to; whatever is not in it is refused. `4 failures` is the last chance before it is given up. */
const table: Record<string, Partial<Record<EventName, string>>> = {
  starting: {
    stop: "stopping",
    kill: "killing",
    "start: up": "up",
    "start: exited 0": "ended",
    "start: exited 1": "backingOff",
    "start: exited 2": "givenUp",
    "start: error": "backingOff",
    "start: timeout": "replacing",
  },
  "starting after 4 failures": {
    stop: "stopping",
    kill: "killing",
    "start: up": "up",
    "start: exited 0": "ended",
    "start: exited 1": "givenUp",
    "start: exited 2": "givenUp",
    "start: error": "givenUp",
    "start: timeout": "replacing",
  },
  up: {
    stop: "stopping",
    kill: "killing",
    "watch: exited 0": "ended",
    "watch: exited 1": "backingOff",
    "watch: exited 2": "givenUp",
    "watch: SIGKILL": "backingOff",
    "watch: error": "replacing",
    settled: "up",
  },
  "up after 4 failures": {
    stop: "stopping",
    kill: "killing",
    "watch: exited 0": "ended",
    "watch: exited 1": "givenUp",
    "watch: exited 2": "givenUp",
    "watch: SIGKILL": "givenUp",
    "watch: error": "replacing",
    settled: "up",
  },
  replacing: {
    stop: "killing",
    kill: "killing",
    "kill: exited": "backingOff",
    "kill: error": "givenUp",
    "replace: timeout": "givenUp",
  },
  "replacing after 4 failures": {
    stop: "killing",
    kill: "killing",
    "kill: exited": "givenUp",
    "kill: error": "givenUp",
    "replace: timeout": "givenUp",
  },
  backingOff: { stop: "stopped", kill: "stopped", "backoff over": "starting" },
  stopping: { kill: "killing", "stop: exited": "stopped", "stop: error": "killing", "stop: timeout": "killing" },
  killing: { "kill: exited": "stopped", "kill: error": "stopped", "kill: timeout": "stopped" },
  ended: {},
  givenUp: {},
  stopped: {},
};

const fresh = (): SupervisorContext => initialTransition(supervisorMachine, {})[0].context;
const at = (row: string): SupervisorSnapshot => {
  const [value, rest] = row.split(" after ");
  const context = { ...fresh(), failures: rest === undefined ? 0 : 4 };
  return supervisorMachine.resolveState({ value: value as never, context });
};
const next = (snapshot: SupervisorSnapshot, event: AnyEvent) => transition(supervisorMachine, snapshot, event as never)[0];

describe("the supervisor chart", () => {
  const rows = Object.keys(table).flatMap((from) => Object.keys(events).map((event) => [from, event as EventName] as const));
  it.each(rows)("%s, %s: goes where the table says, or is refused", (from, name) => {
    const to = table[from]?.[name];
    const snapshot = at(from);
    expect(snapshot.can(events[name] as never)).toBe(to !== undefined);
    if (to !== undefined) expect(next(snapshot, events[name]).value).toBe(to);
  });

  it("has no state that the table leaves out", () => {
    const named = new Set(Object.keys(table).map((row) => row.split(" after ")[0]));
    expect(Object.keys(supervisorMachine.states).sort()).toEqual([...named].sort());
  });

  it("has a delay for every name in `after`, and an answer to each end of every invoke", () => {
    for (const state of Object.values(supervisorMachine.states)) {
      for (const delay of state.after) expect(Object.keys(supervisorMachine.implementations.delays)).toContain(delay.delay);
      for (const { id } of state.invoke) {
        expect(state.ownEvents).toContain(`xstate.done.actor.${id}`);
        expect(state.ownEvents).toContain(`xstate.error.actor.${id}`);
      }
    }
  });

  it("forgets failures once the child has settled, and only then", () => {
    const up = at("up after 4 failures");
    expect(next(up, events.settled).context.failures).toBe(0);
    expect(next(at("starting after 4 failures"), events["start: up"]).context.failures).toBe(4);
  });

  it("doubles the backoff up to its cap, fully jittered", () => {
    const delay = supervisorMachine.implementations.delays["backoff" as never] as unknown as (args: unknown) => number;
    const of = (failures: number, random: number) => delay({ context: { ...fresh(), failures, random: () => random } });
    expect([1, 2, 3, 7, 20].map((failures) => of(failures, 1))).toEqual([500, 1000, 2000, 30_000, 30_000]);
    expect(of(3, 0)).toBe(0);
    expect(of(3, 0.25)).toBe(500);
  });
});

describe("a supervised process", () => {
  const folder = mkdtempSync(join(tmpdir(), "sg-supervisor-"));
  const program = fileURLToPath(new URL("fixtures/child.mjs", import.meta.url));
  const started: Supervisor[] = [];
  const begin = (mode: string, settings: Partial<SupervisorSettings> = {}): { supervisor: Supervisor; lines: () => string[] } => {
    const file = join(folder, `${mode}-${started.length}`);
    const spec = { name: mode, command: process.execPath, args: [program, mode, file] };
    const supervisor = supervise(spec, { settings: { backoffMs: 10, ...settings }, random: () => 0.5 });
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
    const spec = { name: "nowhere", command: join(folder, "no-such-program"), args: [] };
    const supervisor = supervise(spec, { settings: { backoffMs: 1 } });
    expect((await supervisor.ended).trouble).toMatch(/^could not be started: .*ENOENT/);
    rmSync(folder, { recursive: true, force: true });
  });

  it("has the figures of the contract by default", () => {
    expect(defaultSupervisorSettings).toMatchObject({
      backoffMs: 500,
      maxBackoffMs: 30_000,
      maxQuickFailures: 5,
      stopTimeoutMs: 30_000,
    });
  });
});
