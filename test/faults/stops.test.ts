/** F10 to F14: stop against start, signals, exit codes. */
import { expect } from "vitest";
import { lifecycleMachine, stateNames } from "../../machines/index.ts";
import type { Happened } from "../kit/fault.ts";
import { fault, readable } from "../kit/fault.ts";
import type { Plan } from "../kit/narrator.ts";
import { failuresOf, fireHeld, hooksOf, phaseOf, reportOf, Stage, statesOf } from "../kit/narrator.ts";
import type { Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

const stage = new Stage();
const long = 60_000;

interface Place {
  readonly path: string;
  readonly what?: string;
  readonly plan?: Plan;
  /** Redis does not answer, or refuses */
  readonly redis?: "silent" | "refusing";
}

const places: readonly Place[] = [
  { path: "init" },
  { path: "jitter", plan: { options: { jitterMaxMs: long } } },
  { path: "pinging.attempt", redis: "silent", plan: { options: { pingTimeoutMs: long } } },
  { path: "pinging.backoff", redis: "refusing", plan: { options: { pingAttempts: 1000 } } },
  { path: "starting", plan: { onStart: "obedient" } },
  { path: "starting", what: "onStart ignores its signal", plan: { onStart: "rude" } },
  { path: "starting", what: "onStart throws because of it", plan: { onStart: "throwsLate" } },
  { path: "starting.tools.index", plan: { onStart: "inPhases" } },
  { path: "registering" },
  { path: "healthy.opening" },
  { path: "healthy.ready", plan: { hold: true } },
  { path: "running" },
  { path: "running", what: "run ignores its signal", plan: { run: "rude" } },
];

const urlOf = async ({ redis }: Place): Promise<string> => {
  if (redis === "refusing") await stage.proxy.refuse();
  if (redis === "silent") stage.proxy.mode = "stall";
  return redis === undefined ? stage.redis.url : stage.proxy.through(stage.redis.url);
};

/** After `stopping` only `stopped`; `onStop` once if `onStart` was begun, else never; ended by itself, unregistered. */
const wentOnlyForward = async (program: Program, code: number): Promise<void> => {
  await stage.endsWell(program, code);
  const states = statesOf(program);
  expect(states).toEqual(stateNames.filter((state) => states.includes(state)));
  const hooks = hooksOf(program);
  expect(hooks).toEqual(["onStart", "run", "onStop"].filter((hook) => hooks.includes(hook)));
  expect(hooks.includes("onStop")).toBe(hooks.includes("onStart"));
  expect(program.lines.filter(({ type }) => type === "stopped")).toHaveLength(1);
};

const lifeOf = (program: Program, act: string) =>
  `${act}: ${statesOf(program).slice(-3).join(", ")}; ${hooksOf(program).join(", ") || "no hook"}`;

for (const place of places) {
  const { path, what, plan } = place;
  fault("F10", what === undefined ? path : `${path}, ${what}`, async (happened) => {
    const url = await urlOf(place);
    const isLate = plan?.onStart === "throwsLate";
    const [called, signalled] = (["shutdown", "SIGTERM"] as const).map((act) =>
      stage.service({ ...plan, at: { [path]: [act] } }, url),
    ) as [Program, Program];
    await Promise.all([called.ended, signalled.ended]);
    await wentOnlyForward(called, isLate ? 1 : 0);
    await wentOnlyForward(signalled, isLate ? 1 : 0);
    const state = path.split(".")[0]!;
    expect(
      statesOf(called)
        .filter((seen) => !seen.startsWith("stop"))
        .at(-1) ?? "init",
    ).toBe(state);
    expect(reportOf(called)).toMatchObject({ reason: "called", outcome: isLate ? "failed" : "shutdown" });
    expect(reportOf(signalled)).toMatchObject({ reason: "SIGTERM", outcome: isLate ? "failed" : "shutdown" });
    happened(lifeOf(called, "called there"));
    happened(lifeOf(signalled, "SIGTERM"));
  });
}

fault("F10", "registering, its write stuck on the way", async (happened) => {
  stage.proxy.delayMs = 150;
  stage.proxy.mode = "slow";
  const options = { pingTimeoutMs: long, registerTimeoutMs: 10_000 };
  const program = stage.service({ options, at: { registering: ["SIGTERM"] } }, stage.proxy.through(stage.redis.url));
  await wentOnlyForward(program, 0);
  const deregistering = phaseOf(program, "stopping.deregistering");
  expect(deregistering.outcome).toBe("done");
  happened(`the delete waited behind it (${readable(deregistering.durationMs)}), no entry is left`);
});

fault("F10", "no place of the boot is left out", async (happened) => {
  const leaves = Object.entries(lifecycleMachine.states)
    .filter(([state]) => !state.startsWith("stop"))
    .flatMap(([state, { states }]) =>
      Object.keys(states).length === 0 ? [state] : Object.keys(states).map((sub) => `${state}.${sub}`),
    )
    .filter((path) => path !== "pinging.judging"); // it takes no time
  const tried = new Set(places.map(({ path }) => path));
  expect(leaves.filter((path) => !tried.has(path))).toEqual([]);
  happened(`${leaves.length} states and substates of the chart, ${places.length} ways`);
});

const oneEnd = async (program: Program, code: number): Promise<string> => {
  await wentOnlyForward(program, code);
  expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
  const { outcome, reason } = reportOf(program);
  return `stopped once, ${outcome} (${reason}), onStop once, exit ${code}`;
};

const runs: readonly [string, Plan, object, number][] = [
  ["it returns", { run: "quick" }, { outcome: "completed", reason: "run returned" }, 0],
  ["it throws", { run: "throws" }, { outcome: "failed", reason: "run failed", error: { code: "SG_ERR_RUN_FAILED" } }, 1],
  ["it returns while stopping", { run: "rude", at: { running: ["SIGTERM"] } }, { outcome: "shutdown", reason: "SIGTERM" }, 0],
  [
    "it throws while stopping",
    { run: "throwsLate", at: { running: ["SIGTERM"] } },
    { outcome: "failed", reason: "SIGTERM", error: { code: "SG_ERR_RUN_FAILED" } },
    1,
  ],
  ["it calls shutdown, and returns", { run: "stopsItself" }, { outcome: "shutdown", reason: "work done" }, 0],
  [
    "it returns, and a shutdown comes at once",
    { run: "quick", at: { "stopping.announcing": ["shutdown", "SIGTERM"] } },
    { outcome: "completed", reason: "run returned" },
    0,
  ],
];
for (const [what, plan, report, code] of runs) {
  fault("F11", what, async (happened) => {
    const program = stage.service(plan);
    happened(await oneEnd(program, code));
    expect(reportOf(program)).toMatchObject(report);
  });
}

const again: readonly [string, NonNullable<Plan["at"]>][] = [
  ["the same signal twice", { running: ["SIGTERM"], "stopping.announcing": ["SIGTERM"] }],
  ["two different signals", { running: ["SIGTERM"], "stopping.announcing": ["SIGINT"] }],
  ["a signal and two calls", { running: ["SIGTERM"], "stopping.announcing": ["shutdown"], "stopping.draining": ["shutdown"] }],
  ["three calls at once, then a signal", { running: ["shutdown", "shutdown", "shutdown"], "stopping.draining": ["SIGTERM"] }],
];
for (const [what, at] of again) {
  fault("F12", what, async (happened) => {
    // no other timer of the program has this length
    const options = { drainDelayMs: 250 };
    const program = stage.service({ at, run: "rude", options, holdMs: options.drainDelayMs, logSignals: true });
    await program.state("stopping");
    const signals = Object.entries(at).flatMap(([path, acts]) =>
      path === "stopping.draining" ? [] : acts.filter((act) => act !== "shutdown"),
    );
    await eventually("each signal has come", () => {
      const come = program.lines.filter(({ type }) => type === "signal");
      return come.length === signals.length;
    });
    // the repetition has not ended it
    expect(await fireHeld(program)).toBe(1);
    const sentence = await oneEnd(program, 0);
    expect(reportOf(program)).toMatchObject({ outcome: "shutdown", failures: [] });
    expect(phaseOf(program, "stopping.announcing").outcome).toBe("done");
    expect(program.lines.find(({ type }) => type === "calls")).toMatchObject({ promises: 1, reports: 1 });
    happened(`${sentence}; every call got the same promise, the drain delay was kept`);
  });
}

fault("F12", "the deadlines hold all the same", async (happened) => {
  const options = { drainDelayMs: 200, drainTimeoutMs: 200, stopTimeoutMs: 200 };
  const at = { running: ["SIGTERM"], "stopping.announcing": ["SIGINT", "shutdown"] } as const;
  const program = stage.service({ at, run: "hangs", onStop: "hangs", options });
  expect(await program.ended).toMatchObject({ code: 1 });
  expect(failuresOf(program)).toEqual(["stopping.draining SG_ERR_DRAIN_TIMEOUT", "stopping.unwinding SG_ERR_STOP_TIMEOUT"]);
  happened(`run and onStop that hang were cut at theirs: ${readable(phaseOf(program, "stopping").durationMs)} in all, exit 1`);
});

const forced = async (plan: Plan, state: string, signals: readonly [NodeJS.Signals, NodeJS.Signals]) => {
  const program = stage.service(plan);
  await program.state(state);
  program.signal(signals[0]);
  await program.state("stopping");
  await eventually("the repetition forces the exit", () => {
    program.signal(signals[1]);
    return program.child.exitCode !== null;
  });
  return { program, ending: await program.ended };
};

const stubborn: readonly [string, Plan, string, readonly [NodeJS.Signals, NodeJS.Signals], number][] = [
  ["SIGTERM, then SIGINT, onStop hangs", { onStop: "hangs" }, "running", ["SIGTERM", "SIGINT"], 130],
  ["SIGINT, then SIGTERM, run hangs", { run: "hangs" }, "running", ["SIGINT", "SIGTERM"], 143],
  ["SIGTERM twice, onStart hangs", { onStart: "hangs" }, "starting", ["SIGTERM", "SIGTERM"], 143],
];
for (const [what, plan, state, signals, code] of stubborn) {
  fault("F13", what, async (happened) => {
    const { program, ending } = await forced(plan, state, signals);
    expect(ending, program.errors).toMatchObject({ code, signal: null });
    const lastLine = program.errors.trim().split("\n").at(-1)!;
    expect(lastLine).toMatch(
      /^stargazer: SIG(TERM|INT) again: exiting at once, without waiting for fixture\/\S+ in stopping\.\w+$/,
    );
    expect(lastLine).toContain(`${signals[1]} again`);
    happened(`exit ${code}, "${lastLine.replace(/fixture\/\S+/, "fixture/...")}"`);
  });
}

fault("F13", "a pair", async (happened) => {
  const program = stage.service({ onStop: "slow", run: "rude" });
  await program.state("running");
  program.signal("SIGTERM");
  await program.state("stopping");
  program.signal("SIGTERM");
  expect(await oneEnd(program, 0)).toContain("shutdown (SIGTERM)");
  happened("it stopped in its own time, exit 0");
});

/** A crash at each of these paths, as an exception and as a rejection; `stopping` was begun by a signal. */
const crashes: readonly [string, Plan][] = [
  ["init", {}],
  ["jitter", { options: { jitterMaxMs: long } }],
  ["starting", { onStart: "obedient" }],
  ["registering", {}],
  ["healthy.opening", {}],
  ["healthy.ready", { hold: true }],
  ["running", {}],
  ["stopping.announcing", { options: { drainDelayMs: 200 } }],
  ["stopping.closing", {}],
  ["stopping.deregistering", {}],
  ["stopping.draining", { run: "rude" }],
  ["stopping.unwinding", { onStop: "slow" }],
  ["stopping.releasing", { defers: ["slow"] }],
  ["stopping.disconnecting", {}],
];
/** one of each kind in every run */
const everyRun = ["init", "starting", "running", "stopping.announcing", "stopping.unwinding", "stopping.disconnecting"];
for (const [path, plan] of crashes) {
  const work = async (happened: Happened) => {
    const signal = path.startsWith("stopping") ? { running: ["SIGTERM"] as const } : {};
    const [thrown, rejected] = (["throw", "reject"] as const).map((act) =>
      stage.service({ ...plan, at: { ...signal, [path]: [act] } }),
    ) as [Program, Program];
    for (const program of [thrown, rejected]) {
      expect(await program.ended, program.errors).toMatchObject({ code: 1, signal: null });
      expect(reportOf(program)).toMatchObject({ outcome: "failed", exitCode: 1, error: { code: "SG_ERR_UNCAUGHT" } });
      expect(hooksOf(program).includes("onStop")).toBe(hooksOf(program).includes("onStart"));
    }
    expect(await stage.entries()).toEqual([]);
    happened(`an exception and a rejection: exit 1, "${reportOf(thrown).error!.message}"`);
  };
  fault("F14", path, work, { slow: !everyRun.includes(path) });
}

const outside: readonly [string, Plan, RegExp][] = [
  ["after its report", { run: "quick", afterwards: "throw" }, /out of nowhere/],
  ["a rejection after its report", { run: "quick", afterwards: "reject" }, /not awaited/],
  ["in the factory", { factory: "throws" }, /the factory as planned/],
];
for (const [what, plan, message] of outside) {
  fault("F14", what, async (happened) => {
    const program = stage.service(plan);
    const { code } = await program.ended;
    expect(code).toBe(1);
    expect(program.errors).toMatch(message);
    happened(`exit ${code}, the error is on standard error`);
  });
}

fault("F14", "killed from outside", async (happened) => {
  for (const signal of ["SIGKILL", "SIGABRT"] as const) {
    const { program } = await stage.running();
    program.signal(signal);
    expect(await program.ended).toMatchObject({ code: null, signal });
  }
  happened("SIGKILL and SIGABRT are what its parent sees");
});
