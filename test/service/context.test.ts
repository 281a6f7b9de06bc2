/** F63: the asynchronous context in which the code of a tier is called. */
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it } from "vitest";
import type { HookContext } from "../../src/index.ts";
import { aborted, TestTier } from "../kit/tier.ts";

const storage = new AsyncLocalStorage<string>();

it("F63: hooks and releases run where the service was made, also where a request stops it", async () => {
  const seen: [string, string | undefined][] = [];
  const note = (what: string) => void seen.push([what, storage.getStore()]);
  const hooks = {
    onStart: ({ defer }: HookContext) => {
      note("onStart");
      defer(() => note("release"));
    },
    run: ({ signal }: HookContext) => {
      note("run");
      return aborted(signal);
    },
    onStop: () => note("onStop"),
  };
  const tier = storage.run("program", () => new TestTier({ redis: null }, hooks));
  await storage.run("boot request", () => tier.boot());
  const report = tier.runToCompletion();
  await tier.waitFor("running");
  await storage.run("stop request", () => tier.shutdown());
  await report;
  expect(seen).toEqual(["onStart", "run", "onStop", "release"].map((what) => [what, "program"]));
});
