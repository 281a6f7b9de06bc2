/** Lives whose hooks are cut or fail: `onStart` at each of its steps, and `run`. */
import { setImmediate as turn } from "node:timers/promises";
import { finalState } from "../../machines/index.ts";
import type { Scenario } from "./scenario.ts";
import type { Circumstances, Stage } from "./stage.ts";
import type { Trial } from "./trial.ts";

const injected = "injected by the conformance kit";
/** how many steps of one `onStart` are tried */
const maxSteps = 12;

interface Step {
  readonly what: string;
  readonly kind: "begin" | "phase" | "defer";
}

const nameOf = ({ what, kind }: Step): string => (kind === "begin" ? "its begin" : `${kind} '${what}'`);

/** The steps that `onStart` has: its begin, its phases, what it defers. */
const stepsOf = async (stage: Stage): Promise<Step[]> => {
  const steps: Step[] = [];
  const trial = stage.make({ step: (what, kind) => void steps.push({ what, kind }) });
  await trial.service.boot().catch(() => {});
  await stage.judge();
  return steps.slice(0, maxSteps);
};

/** Boots, and calls `act` at the n-th step. */
const disturbedAt = async (
  stage: Stage,
  at: number,
  circumstances: Circumstances,
  act: (trial: Trial) => void,
): Promise<void> => {
  let seen = -1;
  const trial: Trial = stage.make({
    ...circumstances,
    step: () => {
      seen += 1;
      if (seen === at) act(trial);
    },
  });
  await trial.service.boot().catch(() => {});
  await trial.stop();
};

const replaced = async (stage: Stage, run: () => void): Promise<Trial> => {
  const trial = stage.make({ run });
  void trial.service.runToCompletion();
  await trial.reaches(finalState);
  return trial;
};

export const hookFaults: readonly Scenario[] = [
  {
    name: "start cut at each step",
    claim: "a shutdown at any step of onStart undoes what it had begun until then",
    async play(stage) {
      for (const [at, step] of (await stepsOf(stage)).entries()) {
        const label = `shut down at ${nameOf(step)}: `;
        await disturbedAt(stage, at, { label }, (trial) => void trial.hooks.shutdown("the kit"));
        await disturbedAt(stage, at, { label: `one turn after ${nameOf(step)}: ` }, (trial) => {
          void turn().then(() => trial.hooks.shutdown("the kit"));
        });
        await stage.judge();
      }
    },
  },
  {
    name: "start fails at each phase",
    claim: "an onStart that fails, at its begin or in any phase, is undone and onStop is called once",
    async play(stage) {
      for (const [at, step] of (await stepsOf(stage)).entries()) {
        if (step.kind === "defer") continue;
        await disturbedAt(stage, at, { label: `failed at ${nameOf(step)}: ` }, () => {
          throw new Error(injected);
        });
        await stage.judge({ failure: injected });
      }
    },
  },
  {
    name: "run returns",
    claim: "when run returns by itself the service completes, and what was begun is undone",
    async play(stage) {
      const { outcome } = await (await replaced(stage, () => {})).stop();
      stage.expect(outcome !== "shutdown", "its outcome is 'shutdown' although run returned");
    },
  },
  {
    name: "run throws",
    claim: "when run throws the service fails with that error, and what was begun is undone",
    async play(stage) {
      const trial = await replaced(stage, () => {
        throw new Error(injected);
      });
      const { outcome } = await trial.stop();
      stage.expect(outcome === "failed", `its outcome is '${outcome}' although run threw`);
      await stage.judge({ failure: injected });
    },
  },
];
