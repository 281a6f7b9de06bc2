/** F63: the asynchronous context in which the code of a tier is called. */
import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it } from "vitest";
import type { HookContext } from "../../src/index.ts";
import { aborted, TestTier } from "../kit/tier.ts";

const storage = new AsyncLocalStorage<string>();

it("F63: hooks, releases, checks and own metrics run where the service was made, also where a request stops it", async () => {
  const seen: [what: string, where: string | undefined][] = [];
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
  const options = {
    redis: null,
    useHealthServer: true,
    healthPort: 0,
    probeThread: false,
    checks: { db: () => note("check") },
    metrics: { metrics: () => (note("metrics"), "") },
  };
  const tier = storage.run("program", () => new TestTier(options, hooks));
  await storage.run("boot request", () => tier.boot());
  const report = tier.runToCompletion();
  await tier.waitFor("running");
  await storage.run("scrape", () =>
    fetch(`http://127.0.0.1:${tier.healthAddress!.port}/metrics`).then((answer) => answer.text()),
  );
  await storage.run("stop request", () => tier.shutdown());
  await report;
  expect(new Set(seen.map(([what]) => what))).toEqual(new Set(["onStart", "run", "check", "metrics", "onStop", "release"]));
  expect(seen.filter(([, where]) => where !== "program")).toEqual([]);
});
