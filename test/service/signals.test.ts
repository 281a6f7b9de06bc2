/** The signals that code of a user's gets: any number of waits may listen at each. */
import { expect, it } from "vitest";
import { createActor } from "xstate";
import type { HookContext } from "../../src/index.ts";
import { taskActor } from "../../src/leadership/task.ts";
import { Lease } from "../../src/streams/lease.ts";
import { aborted, TestTier } from "../kit/tier.ts";
import { eventually } from "../kit/wait.ts";

const listenOften = (signal: AbortSignal): void => {
  for (let listeners = 0; listeners < 20; listeners += 1) signal.addEventListener("abort", () => listeners);
};
/** Whether Node warns because of `act`. */
const warns = async (act: () => void): Promise<boolean> => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on("warning", note);
  act();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  return warnings.length > 0;
};

it("takes more than ten listeners without a warning of Node, in each hook, check, task of a leader and attempt at a message", async () => {
  const given = new Map<string, AbortSignal>();
  const note = (where: string, { signal, stopping }: { signal: AbortSignal; stopping?: AbortSignal }): void => {
    given.set(where, signal);
    if (stopping !== undefined) given.set(`${where}: stopping`, stopping);
  };
  const hooks = {
    onStart: (context: HookContext) => note("onStart", context),
    run: (context: HookContext) => {
      note("run", context);
      return aborted(context.signal);
    },
    onDrain: (context: HookContext) => note("onDrain", context),
    onStop: (context: HookContext) => note("onStop", context),
  };
  const options = {
    redis: null,
    useHealthServer: true,
    healthPort: 0,
    probeThread: false,
    checks: { db: ({ signal }: { signal: AbortSignal }) => note("check", { signal }) },
  };
  const tier = new TestTier(options, hooks);
  const ended = tier.runToCompletion();
  await tier.waitFor("running");
  await eventually("a check", () => given.has("check"));
  await tier.shutdown();
  await ended;
  createActor(
    taskActor((term) => note("lead", term)),
    { input: { fence: 1 } },
  ).start();
  note("message", new Lease());
  const withStopping = ["onStart", "run", "onDrain", "onStop"].flatMap((hook) => [hook, `${hook}: stopping`]);
  expect([...given.keys()].toSorted()).toEqual([...withStopping, "check", "lead", "message"].toSorted());
  const warned: string[] = [];
  for (const [where, signal] of given) if (await warns(() => listenOften(signal))) warned.push(where);
  expect(warned).toEqual([]);
});
