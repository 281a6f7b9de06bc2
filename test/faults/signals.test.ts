/** F37 and F40: which signals are a shutdown, and which repetition forces the exit. */
import { spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import type { Plan } from "../kit/narrator.ts";
import { hooksOf, reportOf, Stage } from "../kit/narrator.ts";
import type { Program } from "../kit/program.ts";
import type { Quota } from "../kit/quota.ts";
import { openQuota } from "../kit/quota.ts";

const stage = new Stage();
/** it takes 400 ms and more to stop */
const slow: Plan = { run: "rude", onStop: "slow", options: { drainTimeoutMs: 30_000, stopTimeoutMs: 30_000 } };

const stoppedOnce = (program: Program, reason: string): void => {
  expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
  expect(reportOf(program)).toMatchObject({ outcome: "shutdown", reason, failures: [] });
};
const endedWell = async (program: Program, reason: string): Promise<void> => {
  await stage.endsWell(program, 0);
  stoppedOnce(program, reason);
};

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGPWR"] as const) {
  fault("F40", signal, async (happened) => {
    const program = stage.service();
    await program.state("running");
    program.signal(signal);
    await endedWell(program, signal);
    happened(`${signal}: onStop ran, no entry is left, exit 0`);
  });
}

fault("F40", "SIGUSR2 where the program has a listener of its own", async (happened) => {
  const program = stage.service({ blockMs: 1, logSignals: true });
  await program.state("running");
  program.signal("SIGUSR2");
  await program.line("the program's own listener", ({ type, signal }) => type === "signal" && signal === "SIGUSR2");
  program.signal("SIGTERM");
  await endedWell(program, "SIGTERM");
  happened("the program's listener was called, and the service went on");
});

fault("F40", "SIGHUP under nohup", async (happened) => {
  const env = { _: "/usr/bin/nohup" };
  const program = stage.service({ logSignals: true }, undefined, { env });
  await program.state("running");
  program.signal("SIGHUP");
  await program.line("the signal has come", ({ type, signal }) => type === "signal" && signal === "SIGHUP");
  program.signal("SIGTERM");
  await endedWell(program, "SIGTERM");
  happened("the service went on; SIGTERM stopped it");
});

fault("F37", "a pair, between which the process was paused", async (happened) => {
  const program = stage.service({ ...slow, logSignals: true });
  await program.state("running");
  program.signal("SIGTERM");
  await program.line("the first one", ({ type }) => type === "signal");
  program.signal("SIGSTOP");
  await pause(1500);
  program.signal("SIGTERM");
  program.signal("SIGCONT");
  await endedWell(program, "SIGTERM");
  const [first, second] = program.lines.filter(({ type }) => type === "signal").map(({ at }) => Number(at));
  happened(`two SIGTERM came ${readable(second! - first!)} apart by the clock: one stop, exit 0`);
});

/** Two SIGTERM, `gapMs` apart, for a service that has a tenth of a core. */
const starvedPair = async (quota: Quota, gapMs: number): Promise<void> => {
  const program = stage.service({ ...slow, onStop: "slow", options: { ...slow.options, drainDelayMs: 1000 } });
  await program.state("running");
  quota.take(program.pid);
  program.signal("SIGTERM");
  await pause(gapMs);
  program.signal("SIGTERM");
  expect(await program.ended, program.errors).toMatchObject({ code: 0, signal: null });
  stoppedOnce(program, "SIGTERM");
};

/** Takes the pairs one after another, with a quota of its own; resolves with how many there were. */
const starvedPairs = async (gaps: number[], lane: number): Promise<number> => {
  const quota = openQuota(`-${lane}`);
  if (quota === undefined) return 0;
  let pairs = 0;
  for (let gap = gaps.shift(); gap !== undefined; gap = gaps.shift()) {
    await starvedPair(quota, gap);
    pairs += 1;
  }
  await quota.remove();
  return pairs;
};
const gapsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => Math.round(1 + (899 * index) / Math.max(count - 1, 1)));
const happenedWith = (pairs: number) =>
  pairs === 0 ? "left out: no cgroup can be made here" : `${pairs} pairs, 1 to 900 ms apart: none forced the exit`;

fault("F37", "a tenth of a core, two pairs", async (happened) => {
  happened(happenedWith(await starvedPairs([30, 900], 0)));
  expect(await stage.entries()).toEqual([]);
});

/** `npm run faults -- --only F37 --pairs 200`; the pairs are taken by four lanes at once. */
const manyPairs = Number(process.env.STARGAZER_TEST_PAIRS ?? 60);

fault(
  "F37",
  "a tenth of a core, many pairs",
  async (happened) => {
    const gaps = gapsOf(manyPairs);
    const pairs = await Promise.all([0, 1, 2, 3].map((lane) => starvedPairs(gaps, lane)));
    happened(happenedWith(pairs.reduce((sum, one) => sum + one)));
    expect(await stage.entries()).toEqual([]);
  },
  { slow: true, timeoutMs: 120_000 + manyPairs * 10_000 },
);

/** The program at a terminal of its own, to which what is written to the program's input is typed. */
const atTerminal = (shell: (command: string) => string) => (command: readonly string[]) => [
  "script",
  "-qec",
  // what is typed is not echoed among the facts
  `stty -echo; ${shell(command.map((word) => `'${word}'`).join(" "))}`,
  "/dev/null",
];
const ctrlC = "\x03";
const hasTerminals = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

fault("F37", "Ctrl-C twice at the terminal that the process leads", async (happened) => {
  if (!hasTerminals) return happened("left out: util-linux' script is not here");
  const program = stage.service({ onStop: "hangs" }, undefined, { wrap: atTerminal((command) => `exec ${command}`) });
  await program.state("running");
  program.write(ctrlC);
  await program.state("stopping");
  program.write(ctrlC);
  expect(await program.ended).toMatchObject({ code: 130 });
  expect(program.texts.join("\n")).toContain("SIGINT again: exiting at once");
  happened("the second one forced the exit at once, exit 130");
});

fault("F37", "Ctrl-C at a terminal, repeated by the wrapper that leads it", async (happened) => {
  if (!hasTerminals) return happened("left out: util-linux' script is not here");
  // the wrapper has the terminal's SIGINT too, and outlives it, as npm does
  const wrap = atTerminal(
    (command) => `trap : INT; ${command} & child=$!; while kill -0 $child; do wait $child; done; wait $child`,
  );
  const program = stage.service(slow, undefined, { wrap });
  await program.state("running");
  program.write(ctrlC);
  await program.state("stopping");
  program.write(ctrlC);
  expect(await program.ended).toMatchObject({ code: 0 });
  expect(reportOf(program)).toMatchObject({ outcome: "shutdown", reason: "SIGINT", failures: [] });
  happened("one stop in its own time, exit 0");
});
