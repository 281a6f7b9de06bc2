/** A group of services in one process: the order of boots and stops, what a failure ends, and what the process gets. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { launch } from "../../src/launch.ts";
import { StargazerService } from "../../src/service/service.ts";
import { announced, hasNoListener, lastLines, resetProcess, signal, state, uncaught } from "../kit/process-in-hand.ts";
import type { TestHooks } from "../kit/tier.ts";
import { aborted, TestTier } from "../kit/tier.ts";

const terminations = vi.hoisted(() => [] as string[]);
vi.mock("../../src/foreground.ts", () => ({ leadsTerminal: () => true }));
vi.mock("../../src/termination.ts", () => ({ writeTermination: (cause: string) => void terminations.push(cause) }));
vi.mock("../../src/process.ts", async () => (await import("../kit/process-in-hand.ts")).processInHand);

beforeEach(() => {
  resetProcess();
  terminations.length = 0;
  // the second that a process may take to end is not the matter here
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.spyOn(StargazerService.prototype, "saveFlight").mockReturnValue();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Services by name, whose hooks write a common record: `db onStart`, `db run`, `db onStop`. */
class Scene {
  readonly record: string[] = [];
  readonly tiers: Record<string, TestTier> = {};

  make(serviceName: string, hooks: TestHooks = {}, options = {}): TestTier {
    const note = (hook: string) => void this.record.push(`${serviceName} ${hook}`);
    const tier = new TestTier(
      { serviceName, redis: null, instanceId: "one", drainTimeoutMs: 500, stopTimeoutMs: 500, ...options },
      {
        onStart: (context, own) => (note("onStart"), hooks.onStart?.(context, own)),
        run: (context, own) => (note("run"), hooks.run ? hooks.run(context, own) : aborted(context.signal)),
        onStop: (context, own) => (note("onStop"), hooks.onStop?.(context, own)),
      },
    );
    this.tiers[serviceName] = tier;
    return tier;
  }
}

const running = (...tiers: readonly TestTier[]) => Promise.all(tiers.map((tier) => tier.waitFor("running")));
const summary = ({ outcome, reason }: { outcome: string; reason: string }) => `${outcome}: ${reason}`;
/** Settles when the test says so. */
const gate = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
};
/** `orders`, which runs after `db`, is in its onStop until `mayStop` opens; `db` waits for it. */
const stoppingAfterDb = async () => {
  const scene = new Scene();
  const [inStop, mayStop] = [gate(), gate()];
  const db = scene.make("db");
  const orders = scene.make("orders", { onStop: () => (inStop.open(), mayStop.opened) });
  const reports = launch([db, { service: orders, after: ["db"] }]);
  await running(orders);
  signal();
  await inStop.opened;
  return { scene, db, orders, reports, mayStop };
};
const torn = () => Promise.reject(new Error("torn"));

describe("a group", () => {
  it("boots each service once those that it comes after run, and stops in the reverse order", async () => {
    const scene = new Scene();
    const [db, orders, web] = ["db", "orders", "web"].map((name) => scene.make(name)) as [TestTier, TestTier, TestTier];
    const reports = launch([{ service: web, after: ["orders", "db"] }, { service: orders, after: ["db"] }, () => db]);
    await running(web);
    expect(scene.record).toEqual(["db", "orders", "web"].flatMap((name) => [`${name} onStart`, `${name} run`]));
    signal();
    expect((await reports).map(summary)).toEqual(Array(3).fill("shutdown: SIGTERM"));
    expect(scene.record.slice(6)).toEqual(["web onStop", "orders onStop", "db onStop"]);
    expect([state.code, hasNoListener(), state.released]).toEqual([0, true, 1]);
  });

  it("boots and stops services without an order together", async () => {
    const scene = new Scene();
    const both = { onStart: gate(), onStop: gate() };
    let [started, stopped] = [0, 0];
    const hooks: TestHooks = {
      onStart: () => ((started += 1) === 2 && both.onStart.open(), both.onStart.opened),
      onStop: () => ((stopped += 1) === 2 && both.onStop.open(), both.onStop.opened),
    };
    const [a, b] = [scene.make("a", hooks), scene.make("b", hooks)];
    const reports = launch([a, b]);
    // each of them waits in its hook for the other one
    await running(a, b);
    signal();
    expect((await reports).map(summary)).toEqual(Array(2).fill("shutdown: SIGTERM"));
  });

  it("keeps a service in its run until the services after it have stopped", async () => {
    const { scene, db, orders, reports, mayStop } = await stoppingAfterDb();
    expect([db.state, orders.state]).toEqual(["running", "stopping"]);
    mayStop.open();
    await reports;
    expect(scene.record.slice(-2)).toEqual(["orders onStop", "db onStop"]);
  });

  it("boots a service once all that share a name in its after are running", async () => {
    const scene = new Scene();
    const held = gate();
    const [one, two] = [scene.make("db"), scene.make("db", { onStart: () => held.opened })];
    const orders = scene.make("orders");
    const reports = launch([one, two, { service: orders, after: ["db"] }]);
    await running(one);
    expect(orders.state).toBe("init");
    held.open();
    await running(orders);
    signal();
    await reports;
    expect(scene.record.slice(-3, -2)).toEqual(["orders onStop"]);
  });

  it("goes on where the run of one returns, and boots what comes after it", async () => {
    const scene = new Scene();
    const migrate = scene.make("migrate", { run: () => {} });
    const orders = scene.make("orders");
    const reports = launch([{ service: orders, after: ["migrate"] }, migrate]);
    await running(orders);
    await migrate.waitFor("stopped");
    expect(orders.state).toBe("running");
    signal();
    expect((await reports).map(summary)).toEqual(["shutdown: SIGTERM", "completed: run returned"]);
  });

  it("takes services that its program has booted, and one that has stopped already", async () => {
    const scene = new Scene();
    const [db, gone] = [scene.make("db"), scene.make("gone")];
    await gone.shutdown();
    await db.boot();
    const orders = scene.make("orders");
    const late = scene.make("late");
    const reports = launch([db, gone, { service: orders, after: ["db"] }, { service: late, after: ["gone"] }]);
    await running(orders);
    signal();
    expect((await reports).map(summary)).toEqual([
      "shutdown: SIGTERM",
      "shutdown: shutdown",
      "shutdown: SIGTERM",
      "shutdown: gone has stopped before it was running",
    ]);
    expect(scene.record.filter((line) => line.startsWith("late"))).toEqual([]);
  });
});

describe("a failure", () => {
  it("of one stops all in order, and what has not booted never does; the first cause is the process's", async () => {
    const scene = new Scene();
    const db = scene.make("db");
    const failing = scene.make("orders", { onStart: torn });
    const web = scene.make("web");
    const other = scene.make("other");
    const reports = await launch([
      db,
      { service: failing, after: ["db"] },
      { service: web, after: ["orders"] },
      { service: other, after: ["db"] },
    ]);
    expect(reports.map(summary)).toEqual([
      "shutdown: orders failed",
      "failed: onStart failed",
      "shutdown: orders failed",
      "shutdown: orders failed",
    ]);
    expect(scene.record.at(-1)).toBe("db onStop");
    expect(scene.record.filter((line) => line.startsWith("web"))).toEqual([]);
    expect([state.code, terminations]).toEqual([1, ["orders: SG_ERR_START_FAILED onStart failed: torn"]]);
    expect(announced.at(-1)).toEqual({ outcome: "failed" });
  });

  it("apart stops what comes after the one that failed, and leaves the others", async () => {
    const scene = new Scene();
    const fail = gate();
    const db = scene.make("db", { run: () => fail.opened.then(torn) });
    const [orders, web, other] = ["orders", "web", "other"].map((name) => scene.make(name)) as [TestTier, TestTier, TestTier];
    const reports = launch([db, { service: orders, after: ["db"] }, { service: web, after: ["orders"] }, other], {
      fail: "apart",
    });
    await running(web, other);
    fail.open();
    await Promise.all([db, orders, web].map((tier) => tier.waitFor("stopped")));
    expect(other.state).toBe("running");
    signal();
    expect((await reports).map(summary)).toEqual([
      "failed: run failed",
      "shutdown: db failed",
      "shutdown: db failed",
      "shutdown: SIGTERM",
    ]);
    expect(scene.record.indexOf("web onStop")).toBeLessThan(scene.record.indexOf("orders onStop"));
    expect(state.code).toBe(1);
  });

  it("that follows from another one is not the cause that Kubernetes and a supervisor get", async () => {
    const scene = new Scene();
    const [fail, ordersHasFailed] = [gate(), gate()];
    const db = scene.make("db", {
      run: () => fail.opened.then(() => Promise.reject(new Error("the disk is full"))),
      onStop: () => ordersHasFailed.opened,
    });
    const orders = scene.make("orders", { onStop: torn });
    const reports = launch([db, { service: orders, after: ["db"] }]);
    await running(orders);
    fail.open();
    // it has failed and reported before the one whose failure was the first
    await orders.waitFor("stopped");
    expect(db.state).toBe("stopping");
    ordersHasFailed.open();
    expect((await reports).map(({ outcome, error }) => [outcome, error?.code])).toEqual([
      ["failed", "SG_ERR_RUN_FAILED"],
      ["failed", "SG_ERR_STOP_FAILED"],
    ]);
    const cause = "db: SG_ERR_RUN_FAILED run failed: the disk is full";
    expect(terminations).toEqual([cause, cause]);
  });

  it("of a runToCompletion of a service's own stops that service as failed", async () => {
    const scene = new Scene();
    const db = scene.make("db");
    vi.spyOn(db, "runToCompletion").mockRejectedValue(new TypeError("torn"));
    const [report] = await launch([db, { service: scene.make("orders"), after: ["db"] }]);
    expect(report).toMatchObject({
      outcome: "failed",
      error: { code: "SG_ERR_FAILED", message: expect.stringContaining("torn") },
    });
    expect(scene.record).toEqual([]);
  });

  it("that nothing caught fails every service, those included whose stop is under way", async () => {
    const { db, reports, mayStop } = await stoppingAfterDb();
    uncaught(new TypeError("torn"));
    expect(db.state).toBe("running");
    mayStop.open();
    const all = await reports;
    expect(all.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["failed", "uncaught: torn"],
      ["failed", "SIGTERM"],
    ]);
    expect(all.map(({ error }) => error?.code)).toEqual(["SG_ERR_UNCAUGHT", "SG_ERR_UNCAUGHT"]);
    expect(state.code).toBe(1);
  });
});

describe("the process of a group", () => {
  it("exits at once at a second Ctrl-C, and names what has begun and not stopped", async () => {
    const scene = new Scene();
    const [inStop, mayStop] = [gate(), gate()];
    const db = scene.make("db");
    const orders = scene.make("orders", { onStop: () => (inStop.open(), mayStop.opened) });
    const reports = launch([db, { service: orders, after: ["db"] }, { service: scene.make("web"), after: ["db"] }]);
    await running(orders);
    await scene.tiers.web!.waitFor("running");
    signal("SIGINT");
    await Promise.all([inStop.opened, scene.tiers.web!.waitFor("stopped")]);
    expect(() => signal("SIGINT")).toThrow("the process has ended");
    expect(lastLines).toEqual([
      "SIGINT again: exiting at once, without waiting for db/one in running, orders/one in stopping.unwinding",
    ]);
    mayStop.open();
    await reports;
  });

  it("F67: boots nothing where a signal was kept before the launch", async () => {
    state.kept = "SIGTERM";
    const scene = new Scene();
    const reports = await launch([scene.make("db"), { service: scene.make("orders"), after: ["db"] }]);
    expect(reports.map(summary)).toEqual(Array(2).fill("shutdown: SIGTERM"));
    expect(scene.record).toEqual([]);
  });

  it("boots nothing where a signal comes while the code of a group is loaded", async () => {
    const scene = new Scene();
    const reports = launch([scene.make("db"), scene.make("orders")]);
    signal();
    expect((await reports).map(summary)).toEqual(Array(2).fill("shutdown: SIGTERM"));
    expect(scene.record).toEqual([]);
  });

  it("announces to a supervisor the phases of the boot, running once all of them run, and one report", async () => {
    const scene = new Scene();
    const orders = scene.make("orders");
    const reports = launch([scene.make("db"), { service: orders, after: ["db"] }]);
    await running(orders);
    expect(announced.filter((phase) => phase === "running")).toHaveLength(1);
    expect(announced.at(-1)).toBe("running");
    expect(announced.slice(0, announced.indexOf("running")).filter((phase) => phase === "starting")).toHaveLength(2);
    signal();
    await reports;
    expect(announced).toContain("stopping.draining");
    expect(announced.at(-1)).toEqual({ outcome: "shutdown" });
    expect(announced.filter((what) => typeof what === "object")).toHaveLength(1);
  });

  it("exits 2 where a factory has a configuration error, before anything boots", async () => {
    const scene = new Scene();
    const wrong = () => scene.make("orders", {}, { healthPort: -1 });
    await expect(launch([scene.make("db"), { service: wrong, after: ["db"] }])).rejects.toThrow("the process has ended");
    expect([state.exited, scene.record, hasNoListener()]).toEqual([[2], [], true]);
    expect(lastLines[0]).toMatch(/^SG_ERR_CONFIG_INVALID: the configuration of 'orders' has 1 problem/);
  });
});

describe("a group that is refused with SG_ERR_CONFIG_INVALID, before anything boots", () => {
  const scene = new Scene();
  const db = scene.make("db");
  const twice = scene.make("twice");
  const listening = (serviceName: string, healthPort: number, options = {}) =>
    scene.make(serviceName, {}, { useHealthServer: true, healthPort, ...options });
  it.each<[string, readonly unknown[], string]>([
    [
      "an unknown name",
      [db, { service: twice, after: ["dbb"] }],
      'twice comes after "dbb", which is not in the group (did you mean db?): it has db, twice.',
    ],
    [
      "a circle",
      [
        { service: db, after: ["b"] },
        { service: scene.make("a"), after: ["db"] },
        { service: scene.make("b"), after: ["a"] },
      ],
      "services come after each other in a circle: db -> b -> a -> db.",
    ],
    ["a service after itself", [{ service: db, after: ["db"] }], "in a circle: db -> db."],
    ["one service twice", [twice, { service: twice, after: [] }], "twice is there twice."],
    ["no service", [], "launch takes at least one service."],
    [
      "an unknown key of a member",
      [db, { service: twice, aftr: ["db"] }],
      "twice has an unknown key 'aftr' (did you mean after?).",
    ],
    ["a text as after", [db, { service: twice, after: "db" }], "after is a list of names."],
    ["what is no service", [db, { service: 7 }], "launch takes services, or functions that return one: at 1, not number."],
    [
      "one health port",
      [listening("a", 7001), listening("b", 7002), listening("c", 7001)],
      "a and c have one health port, 7001: each needs a healthPort of its own, 0 for a free one, or useHealthServer: false.",
    ],
    [
      "one health port on all addresses",
      [listening("a", 7001), listening("b", 7001, { healthHost: "0.0.0.0" })],
      "a and b have one health port, 7001",
    ],
  ])("%s", async (_, list, message) => {
    await expect(launch(list as never)).rejects.toMatchObject({
      code: "SG_ERR_CONFIG_INVALID",
      message: expect.stringContaining(message),
    });
    expect([scene.record, state.exited, hasNoListener()]).toEqual([[], [], true]);
  });

  it("an option that does not exist, with all the other problems", async () => {
    const list = [{ service: db, after: ["x", "y"] }, twice, twice];
    await expect(launch([twice], { fial: "apart" } as never)).rejects.toMatchObject({
      message: "unknown option 'fial' (did you mean fail?).",
    });
    await expect(launch(list, { fail: "alone" as never })).rejects.toMatchObject({
      message: expect.stringMatching(/fail is "together" or "apart", not "alone"\..*twice is there twice.*"x".*"y"/),
    });
  });

  it("but not health ports of different addresses, free ones, or none", async () => {
    const own = [listening("a", 0), listening("b", 0), scene.make("c"), scene.make("d")];
    const reports = launch([
      ...own,
      ...["127.0.0.1", "127.0.0.2"].map((healthHost, at) => listening(`e${at}`, 7013, { healthHost })),
    ]);
    signal();
    expect((await reports).map(summary)).toEqual(Array(6).fill("shutdown: SIGTERM"));
  });
});
