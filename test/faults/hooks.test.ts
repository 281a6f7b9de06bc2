/** F6 to F9: hooks that hang or throw, and what is left after stop. */
import { expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import type { Plan } from "../kit/narrator.ts";
import { failuresOf, hooksOf, phaseOf, releasesOf, reportOf, Stage } from "../kit/narrator.ts";
import type { Program } from "../kit/program.ts";

const stage = new Stage();

const budgetMs = 4000;
const short = { startTimeoutMs: 300, drainTimeoutMs: 300, stopTimeoutMs: 600, shutdownTimeoutMs: budgetMs };

/** A hung hook's own timer holds its process: it is named, and the process ends all the same. */
const wasCut = async (program: Program): Promise<string> => {
  const { code } = await program.ended;
  expect(code, program.errors).toBe(1);
  expect(program.errors).toMatch(/still alive 1000 ms after the last service stopped; open: .*Timeout/);
  const { durationMs } = phaseOf(program, "stopping");
  expect(await stage.entries()).toEqual([]);
  expect(phaseOf(program, "stopping.disconnecting").outcome).toBe("done");
  return `${failuresOf(program).join(", ")}; stopped in ${readable(durationMs)} of ${readable(budgetMs)}, exit 1`;
};

const lifo = [2, 1, 0];
const hung: readonly [string, Plan, string[]][] = [
  ["onStart", { onStart: "hangs" }, ["starting SG_ERR_START_TIMEOUT", "stopping.draining SG_ERR_DRAIN_TIMEOUT"]],
  ["run", { run: "hangs" }, ["stopping.draining SG_ERR_DRAIN_TIMEOUT"]],
  ["onStop", { onStop: "hangs" }, ["stopping.unwinding SG_ERR_STOP_TIMEOUT"]],
  ["a release", { defers: ["quick", "hangs", "quick"] }, ["stopping.releasing SG_ERR_STOP_TIMEOUT"]],
  [
    "all of them",
    { run: "hangs", onStop: "hangs", defers: ["hangs", "hangs", "hangs"] },
    [
      "stopping.draining SG_ERR_DRAIN_TIMEOUT",
      "stopping.unwinding SG_ERR_STOP_TIMEOUT",
      ...lifo.map(() => "stopping.releasing SG_ERR_STOP_TIMEOUT"),
    ],
  ],
];

for (const [what, plan, failures] of hung) {
  fault("F6", what, async (happened) => {
    const program = stage.service({ defers: ["quick", "quick", "quick"], ...plan, options: short });
    if (plan.onStart === undefined) {
      await program.state("running");
      program.signal("SIGTERM");
    }
    const sentence = await wasCut(program);
    expect(failuresOf(program)).toEqual(failures);
    expect(hooksOf(program).at(-1)).toBe("onStop");
    expect(releasesOf(program)).toEqual(lifo);
    happened(`${sentence}; all three releases had their turn`);
  });
}

fault("F6", "all of them, with a budget less than their deadlines", async (happened) => {
  // by their own deadlines it would not end within the test's
  const own = { drainTimeoutMs: 600_000, stopTimeoutMs: 600_000 };
  const options = { ...own, shutdownTimeoutMs: budgetMs };
  const program = stage.service({ run: "hangs", onStop: "hangs", defers: ["hangs"], options });
  await program.state("running");
  program.signal("SIGTERM");
  const sentence = await wasCut(program);
  expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
  expect(releasesOf(program)).toEqual([0]);
  happened(sentence);
});

const halfStarted: readonly [string, Plan, string][] = [
  ["it throws", { onStart: "throws" }, "SG_ERR_START_FAILED"],
  ["it times out, and obeys its signal", { onStart: "obedient", options: { startTimeoutMs: 200 } }, "SG_ERR_START_TIMEOUT"],
  ["it times out in a named phase", { onStart: "inPhases", options: { startTimeoutMs: 200 } }, "SG_ERR_START_TIMEOUT"],
];
for (const [what, plan, code] of halfStarted) {
  fault("F7", what, async (happened) => {
    const program = stage.service({ http: true, defers: ["quick", "quick", "quick"], ...plan });
    await stage.endsWell(program, 1);
    expect(reportOf(program)).toMatchObject({ outcome: "failed", error: { code, phase: "starting" } });
    expect(failuresOf(program)).toEqual([`starting ${code}`]);
    expect(hooksOf(program)).toEqual(["onStart", "onStop"]);
    expect(releasesOf(program)).toEqual(lifo);
    expect(program.lines.some(({ state }) => state === "registering")).toBe(false);
    happened(
      `${code}: onStop called once, what was deferred released last in first out, its open HTTP port closed; nothing registered, exit 1`,
    );
  });
}

const thrower: Plan = { onStop: "throws", defers: ["quick", "throws", "throws", "quick"] };
const stopFailures = [
  "stopping.unwinding SG_ERR_STOP_FAILED",
  "stopping.releasing SG_ERR_STOP_FAILED",
  "stopping.releasing SG_ERR_STOP_FAILED",
];
const throwing: readonly [string, Plan, string[]][] = [
  ["onStop and two releases", thrower, stopFailures],
  ["a run that throws after its signal, too", { ...thrower, run: "throwsLate" }, ["running SG_ERR_RUN_FAILED", ...stopFailures]],
  ["onStart first", { ...thrower, onStart: "throws" }, ["starting SG_ERR_START_FAILED", ...stopFailures]],
];
for (const [what, plan, failures] of throwing) {
  fault("F8", what, async (happened) => {
    const program = stage.service(plan);
    if (plan.onStart === undefined) {
      await program.state("running");
      program.signal("SIGTERM");
    }
    await stage.endsWell(program, 1);
    expect(failuresOf(program)).toEqual(failures);
    const [phase, code] = failures[0]!.split(" ");
    expect(reportOf(program)).toMatchObject({ outcome: "failed", exitCode: 1, error: { phase, code } });
    expect(releasesOf(program)).toEqual([3, 2, 1, 0]);
    happened(
      `${failures.length} failures in the report, the error is ${failures[0]}; all four releases ran, deregistered, exit 1`,
    );
  });
}

interface Left {
  readonly resources: string[];
  readonly listeners: number[];
}

/** What the process had open before the first and after the last life is the same, and it ended without a signal. */
const leavesNothing = async (program: Program, code: number): Promise<string> => {
  await stage.endsWell(program, code);
  const left = program.lines.find(({ type }) => type === "left") as unknown as { before: Left; after: Left };
  expect(left.after).toEqual(left.before);
  expect(program.lines.filter(({ type }) => type === "report").map(({ children }) => children)).not.toContainEqual(
    expect.arrayContaining([expect.anything()]),
  );
  const reports = program.lines.filter(({ type }) => type === "report").length;
  return `${reports} ${reports === 1 ? "life" : "lives"}: the same open resources and listeners as before, no child actor, no connection; it ended by itself`;
};

const deferred = ["quick", "quick"];
const ends: readonly [string, Plan, number][] = [
  ["run that returns", { run: "quick", http: true, defers: deferred }, 0],
  ["a shutdown while it runs", { at: { running: ["shutdown"] }, http: true, defers: deferred }, 0],
  ["a shutdown in jitter", { at: { jitter: ["shutdown"] }, options: { jitterMaxMs: 60_000 } }, 0],
  ["a shutdown while it registers", { at: { registering: ["shutdown"] } }, 0],
  ["a shutdown while the health server opens", { at: { "healthy.opening": ["shutdown"] } }, 0],
  ["a start that throws", { onStart: "throws", http: true, defers: deferred }, 1],
  ["ten lives in one process", { run: "quick", http: true, lives: 10 }, 0],
];
for (const [what, plan, code] of ends) {
  fault("F9", what, async (happened) => {
    happened(await leavesNothing(stage.service(plan), code));
  });
}

fault("F9", "Redis refuses", async (happened) => {
  await stage.proxy.refuse();
  const program = stage.service({ lives: 2, options: { pingAttempts: 2 } }, stage.proxy.through(stage.redis.url));
  happened(await leavesNothing(program, 1));
});

fault("F9", "a shutdown while Redis is silent", async (happened) => {
  stage.proxy.mode = "stall";
  const plan = { at: { "pinging.attempt": ["shutdown" as const] }, options: { pingTimeoutMs: 60_000 } };
  happened(await leavesNothing(stage.service(plan, stage.proxy.through(stage.redis.url)), 0));
});
