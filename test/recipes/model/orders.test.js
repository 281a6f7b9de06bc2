/** A model-based test of one's own: each state of the chart, reached by the shortest path, on a service of one's own. `node --test`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StargazerService } from "stargazer";
import { lifecycleMachine, statePath } from "stargazer/machines";
import { initialTransition } from "xstate";
import { getShortestPaths } from "xstate/graph";

/** The service under test: its hooks wait until the test opens or fails them. */
class Orders extends StargazerService {
  hooks = [];
  #gates = {};

  constructor() {
    super({ serviceName: "orders", redis: null, useHealthServer: false, jitterMaxMs: 0, logger: silent });
  }
  onStart({ signal }) {
    return this.#hold("startTier", signal);
  }
  run({ signal }) {
    return this.#hold("runTier", signal);
  }
  onStop() {
    return this.#hold("stopTier");
  }

  async end(hook, failure) {
    while (this.#gates[hook] === undefined) await new Promise(setImmediate);
    this.#gates[hook](failure);
  }

  #hold(hook, signal) {
    this.hooks.push(hook);
    return new Promise((resolve, reject) => {
      this.#gates[hook] = (failure) => (failure === undefined ? resolve() : reject(failure));
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  }
}
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What the test causes, by the names of the chart's events. */
const causes = {
  boot: (service) => void service.boot().catch(() => {}),
  run: (service) => void service.runToCompletion(),
  shutdown: (service) => void service.shutdown("the test"),
  "xstate.done.actor.startTier": (service) => service.end("startTier"),
  "xstate.error.actor.startTier": (service) => service.end("startTier", new Error("the test")),
  "xstate.done.actor.runTier": (service) => service.end("runTier"),
  "xstate.error.actor.runTier": (service) => service.end("runTier", new Error("the test")),
  "xstate.done.actor.stopTier": (service) => service.end("stopTier"),
};
/** What comes by itself: delays of 0 ms here, and the ends of the actors that are not the hooks. */
const comesByItself =
  /^xstate\.(after\.(bootJitter|registerTimeout|drainDelay)\.|done\.actor\.(?!companion|startTier|runTier|stopTier))/;
const eventOf = (type) =>
  type.startsWith("xstate.error.") ? { type, error: new Error("the test") } : { type, reason: "the test" };

const settings = { hasRedis: false, hasHealth: false };
const [fromState] = initialTransition(lifecycleMachine, { settings, now: () => 0, epochNow: () => 0, random: () => 0 });
/** Not createTestModel, which refuses charts with deadlines: the paths are played here. */
const paths = getShortestPaths(lifecycleMachine, {
  fromState,
  events: (snapshot) =>
    snapshot._nodes
      .flatMap(({ ownEvents }) => ownEvents)
      .filter((type) => type in causes || comesByItself.test(type))
      .map(eventOf),
  filterEvents: (snapshot, event) => snapshot.can(event),
  // where the chart is, and what it has to undo
  serializeState: ({ value, context }) => JSON.stringify([value, context.begun]),
});

/** The states in which the chart waits for the test. */
const rests = ["init", "starting", "healthy.ready", "running", "stopping.unwinding", "stopped"];
for (const { state, steps } of paths.filter((path) => rests.includes(statePath(path.state)))) {
  const name = steps.map(({ event }) => event.type).filter((type) => type in causes);
  test(`${statePath(state)} after ${name.join(", ") || "nothing"}`, { timeout: 30_000 }, async () => {
    const service = new Orders();
    const reaches = async (place) => {
      while (statePath(service.actor.getSnapshot()) !== statePath(place)) await new Promise(setImmediate);
    };
    for (const [at, { event }] of steps.entries()) {
      if (!(event.type in causes)) continue;
      await reaches(steps[at - 1].state);
      await causes[event.type](service);
    }
    await reaches(state);
    // onStop is called where onStart was, at the stop
    assert.equal(service.hooks.includes("stopTier"), service.hooks.includes("startTier") && /^stop/.test(service.state));
    const ended = service.shutdown("the end");
    while (service.state !== "stopped") {
      if (service.hooks.includes("stopTier")) void service.end("stopTier");
      await new Promise(setImmediate);
    }
    assert.equal(
      (await ended).outcome === "failed",
      name.some((type) => type.startsWith("xstate.error.")),
    );
  });
}
assert.deepEqual(
  rests.filter((path) => !paths.some(({ state }) => statePath(state) === path)),
  [],
);
