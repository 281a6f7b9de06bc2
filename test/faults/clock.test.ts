/** F39: the wall clock of a real process is set at each step of its life, and nothing moves. */
import { expect } from "vitest";
import { beatsAt } from "../kit/beats.ts";
import { fault, readable } from "../kit/fault.ts";
import type { Plan } from "../kit/narrator.ts";
import { failuresOf, hooksOf, phaseOf, reportOf, Stage } from "../kit/narrator.ts";
import type { WallClock } from "../kit/wall-clock.ts";
import { openWallClock } from "../kit/wall-clock.ts";

const stage = new Stage();

/** Where it is set, in the order of a life, by the phase that each place belongs to. */
const places: Readonly<Record<string, readonly string[]>> = {
  init: ["init"],
  jitter: ["jitter"],
  pinging: ["pinging.attempt"],
  starting: ["starting"],
  registering: ["registering"],
  healthy: ["healthy.opening", "healthy.ready"],
  running: ["running"],
  ...Object.fromEntries(
    ["announcing", "closing", "deregistering", "draining", "unwinding", "releasing", "disconnecting"].map((step) => [
      `stopping.${step}`,
      [`stopping.${step}`],
    ]),
  ),
};
const steps = Object.values(places).flat();
/** each takes 200 ms; that durations are those of the monotonic clock is shown in virtual time, by the simulation */
const slow = ["starting", "stopping.announcing", "stopping.draining", "stopping.unwinding", "stopping.releasing"];

const life: Plan = {
  ...{ onStart: "slow", run: "rude", onStop: "slow", defers: ["slow"] },
  options: { jitterMaxMs: 100, heartbeatMs: 500, leaseTtlMs: 10_000, drainDelayMs: 200 },
};

const amounts: readonly [string, number][] = [
  ["an hour ahead", 3_600_000],
  ["an hour back", -3_600_000],
  ["a minute ahead", 60_000],
  ["a minute back", -60_000],
  ["half a second ahead", 500],
  ["half a second back", -500],
];

const withClock = async (work: (clock: WallClock) => Promise<void>): Promise<void> => {
  const clock = openWallClock();
  try {
    await work(clock);
  } finally {
    clock.close();
  }
};

for (const [words, ms] of amounts) {
  fault("F39", `${words} at each step of a life`, (happened) =>
    withClock(async ({ how, env }) => {
      const at = Object.fromEntries(steps.map((step) => [step, [ms]]));
      const program = stage.service({ ...life, at }, stage.redis.url, { env });
      const { instance } = await stage.entryOf(program);
      await beatsAt(stage.redis.witness, `sg:registry:service:fixture:${instance}`, 2);
      program.signal("SIGTERM");
      await stage.endsWell(program, 0);
      expect(hooksOf(program)).toEqual(["onStart", "run", "onStop"]);
      expect(reportOf(program)).toMatchObject({ outcome: "shutdown", reason: "SIGTERM", exitCode: 0, failures: [] });
      expect(program.lines.map(({ type }) => type)).not.toContain("lease.lost");
      const sets = program.lines.filter(({ type }) => type === "clock");
      expect(sets.map(({ isSet }) => isSet)).toEqual(steps.map(() => true));
      const durations = slow.map((phase) => `${phase} ${readable(phaseOf(program, phase).durationMs)}`);
      happened(`set ${steps.length} times, by ${how}: beats in time, ${durations.join(", ")}, exit 0`);
    }),
  );
}

for (const [words, ms] of amounts.filter(([, by]) => by <= -60_000)) {
  fault("F39", `${words} while a service that hangs is stopping`, (happened) =>
    withClock(async ({ how, env }) => {
      const options = { drainTimeoutMs: 600_000, stopTimeoutMs: 600_000, shutdownTimeoutMs: 2000 };
      const at = { running: ["SIGTERM"], "stopping.announcing": [ms], "stopping.draining": [ms] } as const;
      const program = stage.service({ run: "hangs", onStop: "hangs", options, at }, stage.redis.url, { env });
      expect(await program.ended).toMatchObject({ code: 1 });
      expect(failuresOf(program)).toEqual(["stopping.draining SG_ERR_DRAIN_TIMEOUT", "stopping.unwinding SG_ERR_STOP_TIMEOUT"]);
      happened(`set by ${how}: cut within its budget, ${readable(phaseOf(program, "stopping").durationMs)}, exit 1`);
    }),
  );
}
