/** Lives that nothing disturbs from outside: full ones, and one that is cut in each state. */
import type { StateName } from "../../machines/index.ts";
import { stateNames } from "../../machines/index.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";
import type { Trial } from "./trial.ts";

/** ms, far longer than a scenario */
const waitingMs = 60_000;

/** A full life; false if it did not come to `run`. */
const live = async (stage: Stage): Promise<boolean> => {
  const trial = stage.make();
  const worked = await trial.works();
  await trial.stop();
  stage.expect(worked, `it never came to running: ${await trial.why()}`);
  return worked;
};

/** The states in their order. They have no names here, so a rename in the chart is one in the scenarios. */
const [, jitter, pinging, starting, registering, healthy, running] = stateNames;

const cutIn = (state: StateName, play: (stage: Stage) => Promise<Trial>): Scenario => ({
  name: `shutdown in ${state}`,
  claim: `a shutdown in ${state} undoes what was begun and nothing else, and leaves nothing behind`,
  async play(stage) {
    const trial = await play(stage);
    const completedBefore = trial.hasCompleted;
    const { outcome } = await trial.stop();
    stage.expect(trial.probe.states.includes(state), `it never came to ${state}: ${await trial.why()}`);
    stage.expect(completedBefore || outcome !== "completed", "its outcome is 'completed' although it was shut down");
  },
});

export const lives: readonly Scenario[] = [
  {
    name: "construction",
    claim: "constructing it touches nothing, and a shutdown in init calls no hook",
    async play(stage) {
      const trial = stage.make();
      await trial.stop();
      stage.expect(trial.hooks.calls.length === 0, `hooks were called: ${trial.hooks.calls.map(({ hook }) => hook).join(", ")}`);
    },
  },
  {
    name: "run and stop",
    claim: "it goes through the nine states in order, calls each hook once, stops within its deadlines and leaves nothing behind",
    async play(stage) {
      const trial = stage.make();
      const worked = await trial.works();
      await trial.stop();
      const { states } = trial.probe;
      const missed = stateNames.filter((state) => !states.includes(state));
      stage.expect(worked && missed.length === 0, `it never came to ${missed.join(", ")}: ${await trial.why()}`);
    },
  },
  {
    name: "restart",
    claim: "a second instance of the same id lives after the first, in the same process",
    async play(stage) {
      if (await live(stage)) await live(stage);
    },
  },
];

export const cuts: readonly Scenario[] = [
  cutIn(jitter!, async (stage) => {
    const trial = stage.make({ overrides: { jitterMaxMs: waitingMs } });
    void trial.service.runToCompletion();
    await trial.reaches(jitter!);
    return trial;
  }),
  cutIn(pinging!, async (stage) => {
    stage.redis?.freeze();
    const trial = stage.make();
    void trial.service.runToCompletion();
    await trial.reaches(pinging!);
    return trial;
  }),
  cutIn(starting!, async (stage) => {
    const trial: Trial = stage.make({ step: (_, kind) => kind === "begin" && void trial.hooks.shutdown("the kit") });
    void trial.service.runToCompletion();
    await trial.reaches(starting!);
    return trial;
  }),
  cutIn(registering!, async (stage) => {
    const trial = stage.make({ started: () => stage.redis?.freeze() });
    void trial.service.runToCompletion();
    await trial.reaches(registering!);
    void trial.hooks.shutdown("the kit");
    stage.redis?.thaw();
    return trial;
  }),
  cutIn(healthy!, async (stage) => {
    const trial = stage.make();
    await trial.service.boot().catch(() => {});
    return trial;
  }),
  cutIn(running!, async (stage) => {
    const trial = stage.make();
    void trial.service.runToCompletion();
    await trial.reaches(running!);
    return trial;
  }),
];
