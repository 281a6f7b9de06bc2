/**
 * Every transition of the charts, taken by the real thing: a real service, a real Redis behind a proxy, real HTTP. The paths come
 * from the charts' own graphs; after every step the world is compared with the model.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { AnyStateMachine } from "xstate";
import type { LifecycleSettings } from "../../machines/index.ts";
import { statePath } from "../../machines/index.ts";
import { isForcedAnswer, LeaseUnderTest } from "../kit/lease-under-test.ts";
import type { Model, ModelEvent } from "../kit/model.ts";
import { declaredTransitions, eventName, leaseModel, pathsOf, sequencesOf } from "../kit/model.ts";
import { isForced, realModel, walkThrough } from "../kit/real-model.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { SystemUnderTest } from "../kit/system-under-test.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
const blocker = createServer();
beforeAll(async () => {
  redis = await startTestRedis();
  await once(blocker.listen(0, "127.0.0.1"), "listening");
  // a write that was under way in a lease whose chart failed is answered to nobody, and XState says so
  const { warn } = console;
  vi.spyOn(console, "warn").mockImplementation((...args) => String(args[0]).includes("sent to stopped actor") || warn(...args));
});
afterAll(async () => {
  vi.restoreAllMocks();
  blocker.close();
  await redis.stop();
});

/** paths under way at once: most of their time is waiting */
const atOnce = 6;

/** Walks all paths; those that did not end as they should are told together. */
const walkAll = async (paths: readonly ModelEvent[][], walk: (events: readonly ModelEvent[]) => Promise<void>): Promise<void> => {
  const queue = [...paths];
  const broken: string[] = [];
  const worker = async () => {
    for (let events = queue.shift(); events !== undefined; events = queue.shift())
      await walk(events).catch((error: Error) => broken.push(error.message));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  if (broken.length > 0) throw new Error(`${broken.length} of ${paths.length} paths:\n${broken.slice(0, 8).join("\n\n")}`);
};

const openHandles = () => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|Worker|MessagePort/.test(kind));
/** what is open now and was not before */
const leftSince = (before: readonly string[]): string[] => {
  const known = [...before];
  return openHandles().filter((kind) => {
    const at = known.indexOf(kind);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
};
const connections = async () => String(await redis.witness.client("LIST")).split("\n").length;

/** Nothing is left of what `work` has begun, in this process and at Redis. */
const leavesNothing = async (work: () => Promise<void>): Promise<void> => {
  const [handles, clients] = [openHandles(), await connections()];
  await work();
  await eventually("no connection to Redis is left", async () => (await connections()) === clients);
  await eventually("no timer, socket, listener or thread is left", () => {
    expect(leftSince(handles)).toEqual([]);
    return true;
  });
};

class Tally {
  readonly taken = new Set<string>();
  readonly forced = new Set<string>();
  readonly #machine: AnyStateMachine;
  #paths = 0;
  #steps = 0;

  constructor({ machine }: Model) {
    this.#machine = machine;
  }

  count(events: readonly ModelEvent[]): void {
    this.#paths += 1;
    this.#steps += events.length;
  }

  get missing(): string[] {
    return [...declaredTransitions(this.#machine)].filter((name) => !this.taken.has(name));
  }

  tell(what: string, cover: string): void {
    const all = declaredTransitions(this.#machine).size;
    console.log(
      `${what}: ${this.#paths} generated paths of ${this.#steps} steps on the real system, ${cover}; ` +
        `${all - this.missing.length} of ${all} declared transitions taken; ` +
        `sent by hand, because no real part does it: ${[...this.forced].join(", ")}`,
    );
  }
}

interface ModelledWorld {
  readonly name: string;
  readonly settings: Partial<LifecycleSettings>;
  readonly probeThread?: true;
}
const worlds: readonly ModelledWorld[] = [
  { name: "Redis required, health server", settings: {} },
  { name: "Redis required, no health server", settings: { hasHealth: false } },
  { name: "Redis optional, health server", settings: { redisRequired: false } },
  { name: "Redis optional, no health server", settings: { redisRequired: false, hasHealth: false } },
  { name: "no Redis, health server on a thread", settings: { hasRedis: false }, probeThread: true },
  { name: "no Redis, no health server", settings: { hasRedis: false, hasHealth: false } },
];

describe("the lifecycle on the real system", () => {
  const tally = new Tally(realModel({}));

  it.each(worlds)("$name: after every step of every path the world is as the model says", async (world) => {
    const { settings, probeThread = false } = world;
    const model = realModel(settings);
    const walk = async (events: readonly ModelEvent[]) => {
      const onTaken = (name: string) => void tally.taken.add(name);
      const system = await SystemUnderTest.make({ redis, settings, probeThread, events, blocker, onTaken });
      await walkThrough(model, events, {
        exec: (before, event) => {
          if (isForced(before, event)) tally.forced.add(`${eventName(event)} in ${statePath(before)}`);
          return system.exec(before, event);
        },
        check: (state) => system.check(state),
      }).finally(() => system.end());
      tally.count(events);
    };
    await leavesNothing(() => walkAll(sequencesOf(model), walk));
  });

  it("every declared transition was taken", () => {
    tally.tell(
      `lifecycle, ${worlds.length} worlds`,
      "one shortest path for each arrow that differs in state, lease or open port",
    );
    expect(tally.missing).toEqual([]);
  });
});

describe("the lease on the real registry", () => {
  const model = leaseModel();
  const tally = new Tally(model);
  const edges = pathsOf(model).map(({ steps }) => steps.map(({ event }) => event).filter(({ type }) => type !== "xstate.init"));

  it("after every step of every path the entry is as the model says", async () => {
    const walk = async (events: readonly ModelEvent[]) => {
      const lease = await LeaseUnderTest.make(redis, (name) => void tally.taken.add(name));
      for (const event of events.filter(isForcedAnswer)) tally.forced.add(eventName(event));
      const exec = (_: unknown, event: ModelEvent) => lease.exec(event);
      await walkThrough(model, events, { exec, check: (state) => lease.check(state) }).finally(() => lease.end());
      tally.count(events);
    };
    await leavesNothing(() => walkAll([...edges, ...sequencesOf(model)], walk));
  });

  it("every declared transition was taken", () => {
    tally.tell("lease", "shortest paths over every edge, and one for each loop");
    expect(tally.missing).toEqual([]);
  });
});
