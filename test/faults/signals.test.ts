/** F37 and F40: which signals are a shutdown, and which repetition forces the exit. */
import { spawnSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { fault, readable } from "../kit/fault.ts";
import type { Plan } from "../kit/narrator.ts";
import { hooksOf, reportOf, Stage } from "../kit/narrator.ts";
import type { Program } from "../kit/program.ts";
import { openQuota } from "../kit/quota.ts";

const stage = new Stage();
/** it takes 400 ms and more to stop */
const slow: Plan = { run: "rude", onStop: "slow", options: { drainTimeoutMs: 30_000, stopTimeoutMs: 30_000 } };

const endedWell = async (program: Program, reason: string): Promise<void> => {
  await stage.endsWell(program, 0);
  expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
  expect(reportOf(program)).toMatchObject({ outcome: "shutdown", reason, failures: [] });
};

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const) {
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

const starvedPairs = async (gaps: readonly number[]): Promise<number> => {
  const quota = openQuota();
  if (quota === undefined) return 0;
  for (const gap of gaps) {
    const program = stage.service({ ...slow, onStop: "slow", options: { ...slow.options, drainDelayMs: 1000 } });
    await program.state("running");
    quota.take(program.pid);
    program.signal("SIGTERM");
    await pause(gap);
    program.signal("SIGTERM");
    await endedWell(program, "SIGTERM");
  }
  await quota.remove();
  return gaps.length;
};
const gapsOf = (count: number) => Array.from({ length: count }, (_, index) => Math.round(1 + (899 * index) / (count - 1)));

fault("F37", "a tenth of a core, two pairs", async (happened) => {
  const pairs = await starvedPairs([30, 900]);
  happened(pairs === 0 ? "left out: no cgroup can be made here" : `${pairs} pairs 30 and 900 ms apart: none forced the exit`);
});

fault(
  "F37",
  "a tenth of a core, many pairs",
  async (happened) => {
    const pairs = await starvedPairs(gapsOf(60));
    happened(pairs === 0 ? "left out: no cgroup can be made here" : `${pairs} pairs, 1 to 900 ms apart: none forced the exit`);
  },
  { slow: true, timeoutMs: 400_000 },
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
