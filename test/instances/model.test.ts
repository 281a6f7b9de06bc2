/** The rows of a fleet: which boot stands for an instance, what of a life is known, how it ended, and who is forgotten. */
import { describe, expect, it } from "vitest";
import { explain } from "../../src/instances/explain.ts";
import { FleetModel } from "../../src/instances/model.ts";
import type { Row } from "../../src/instances/row.ts";
import type { JournalEntry } from "../../src/journal/entry.ts";
import {
  began,
  end,
  exited,
  failedFact,
  instanceOf,
  journaled,
  notReady,
  ready,
  registered,
  step,
  waits,
} from "../kit/fleet-entries.ts";

const t0 = 1_800_000_000_000;
const one = instanceOf({ incarnation: t0 * 1000 });

const modelOf = (...entries: readonly JournalEntry[]): FleetModel => {
  const model = new FleetModel();
  model.tick(t0);
  for (const entry of entries) model.note(entry);
  return model;
};
const rowOf = (model: FleetModel, name = "orders:orders-1"): Row => model.row(name)!;
const spans = ({ lane }: Row): string[] =>
  lane.map(({ state, mark, from, to }) => `${mark} ${state} ${from - t0}..${to === null ? "" : to - t0}`);

const boot = (of = one, at = t0): JournalEntry[] => [
  journaled({ ...of, incarnation: 0 }, at, step("pinging.attempt"), waits("Redis to answer PING, attempt 1 of 3", 1000)),
  journaled(of, at + 10, step("starting"), waits("the tier's onStart", 60_000)),
];
const running = (of = one, at = t0): JournalEntry[] => [
  ...boot(of, at),
  journaled(of, at + 500, step("registering"), step("healthy.opening"), step("healthy.ready")),
  journaled(of, at + 510, step("running"), waits("the tier's run", null), ready),
];

describe("a boot", () => {
  it("has the times of its entry where the journal has lost how it began", () => {
    const model = modelOf(journaled(one, t0 + 900_000, ready));
    model.apply({ type: "registered", entry: { ...registered(one, "running", t0 + 500), startedAt: t0 } });
    expect(rowOf(model)).toMatchObject({ state: "running", startedAt: t0, since: t0 + 500 });
    expect(spans(rowOf(model))).toEqual(["boot init 0..500", "none running 500.."]);
  });
  it("is a row before it registers, with its path, what it waits for and until when", () => {
    const model = modelOf(
      ...boot(),
      journaled(one, t0 + 100, began("starting.model"), waits("the tier's onStart, model", 59_910)),
    );
    expect(rowOf(model)).toMatchObject({
      kind: "booting",
      state: "starting",
      path: "starting.model",
      since: t0 + 100,
      waits: { what: "the tier's onStart, model", until: t0 + 60_010, totalMs: 60_000 },
      ready: false,
      lease: { state: "none" },
      startedAt: t0,
      version: "1.0.0",
    });
  });
  it("waits for as long as its deadline, also where that was written some ms after its state was entered", () => {
    const late = journaled(one, t0 + 16, waits("the tier's onStart", 59_990));
    expect(rowOf(modelOf(...boot(), late)).waits).toMatchObject({ totalMs: 60_000 });
  });
  it("that has registered has the host and the state of its entry, whichever comes first", () => {
    const entry = registered(one, "running", t0 + 510);
    const entryFirst = modelOf();
    entryFirst.apply({ type: "registered", entry });
    for (const each of running()) entryFirst.note(each);
    const journalFirst = modelOf(...running());
    journalFirst.apply({ type: "registered", entry });
    for (const model of [entryFirst, journalFirst])
      expect(rowOf(model)).toMatchObject({
        kind: "living",
        path: "running",
        ready: true,
        host: "10.0.0.1",
        pid: 4242,
        lease: { state: "held" },
      });
  });
  it("is not set back by a journal that is read after the registry", () => {
    const model = modelOf();
    model.tick(t0 + 600);
    model.apply({ type: "registered", entry: registered(one, "running", t0 + 510) });
    model.note(journaled(one, t0 + 10, step("starting"), waits("the tier's onStart", 60_000)));
    expect(rowOf(model)).toMatchObject({ state: "running", kind: "living" });
  });
  it("without a journal has the state of its entry, and its readiness is not known", () => {
    const model = modelOf();
    model.apply({ type: "registered", entry: registered(one, "healthy", t0 - 5) });
    expect(rowOf(model)).toMatchObject({ kind: "living", state: "healthy", since: t0 - 5, ready: null });
  });
  it("whose own clock is ahead of that of Redis is not in the future", () => {
    const model = modelOf();
    model.apply({ type: "registered", entry: registered(one, "running", t0 + 3_600_000) });
    expect(rowOf(model)).toMatchObject({ since: t0, startedAt: t0 });
  });
});

describe("the boots of one instance", () => {
  const next = { ...one, boot: "b2", incarnation: (t0 + 5000) * 1000 };
  it("are one row, that of the newest, although the lease of the one before lives", () => {
    const model = modelOf(...running());
    model.apply({ type: "registered", entry: registered(one, "running", t0 + 510) });
    for (const each of boot(next, t0 + 5000)) model.note(each);
    expect(model.rows()).toHaveLength(1);
    expect(rowOf(model)).toMatchObject({ boot: "b2", kind: "booting", state: "starting" });
    expect(rowOf(model).boots.map((each) => [each.boot, each.outcome])).toEqual([
      ["b2", ""],
      ["a1", "expired"],
    ]);
  });
  it("are in the order of their incarnations, also when the older one's entries come later", () => {
    const model = modelOf(...running(next, t0 + 5000), ...running());
    expect(rowOf(model)).toMatchObject({ boot: "b2", state: "running" });
  });
  it("in no registry and with an incarnation of the future do not stand for the instance for good", () => {
    const hostile = { ...one, boot: "ff", incarnation: Number.MAX_SAFE_INTEGER };
    const model = modelOf(journaled(hostile, t0 - 1000, step("starting")), ...running());
    expect(rowOf(model)).toMatchObject({ boot: "a1", state: "running" });
  });
  it("are ten at most", () => {
    const model = modelOf();
    for (let at = 0; at < 30; at += 1) {
      const of = { ...one, boot: at.toString(16), incarnation: (t0 + at * 1000) * 1000 };
      for (const each of boot(of, t0 + at * 1000)) model.note(each);
      model.note(
        journaled(of, t0 + at * 1000 + 500, end("failed", "onStart failed", ["EACCES"]), exited({ exitCode: 1, signal: null })),
      );
    }
    const row = rowOf(model);
    expect(row.boots).toHaveLength(10);
    expect(row.boots[0]).toMatchObject({ boot: "1d", outcome: "failed", cause: "EACCES" });
    expect(row.lane.filter(({ mark }) => mark === "died")).toHaveLength(30);
  });
});

describe("the end of a life", () => {
  it("is shown when its parent writes of it, and the lease's end changes nothing of that", () => {
    const model = modelOf(...running());
    const entry = registered(one, "running", t0 + 510);
    model.apply({ type: "registered", entry });
    model.note(journaled({ ...one, boot: "", incarnation: 0 }, t0 + 2000, exited({ nextTryAt: t0 + 2500, tries: 1 })));
    const expected = {
      kind: "failed",
      state: "running",
      end: { outcome: "failed", reason: "killed by SIGKILL", at: t0 + 2000 },
      parent: { signal: "SIGKILL", nextTryAt: t0 + 2500, tries: 1 },
    };
    expect(rowOf(model)).toMatchObject(expected);
    model.tick(t0 + 15_000);
    model.apply({ type: "expired", entry });
    expect(rowOf(model)).toMatchObject(expected);
    expect(spans(rowOf(model)).slice(-2)).toEqual(["none running 510..2000", "died gone 2000.."]);
  });
  it("without a parent is that of its lease, with what is not known before it", () => {
    const model = modelOf(...running());
    const entry = registered(one, "running", t0 + 510);
    model.apply({ type: "registered", entry });
    model.tick(t0 + 20_000);
    model.apply({ type: "expired", entry });
    expect(rowOf(model)).toMatchObject({
      kind: "expired",
      lease: { state: "lost" },
      end: { outcome: "expired", at: t0 + 20_000 },
    });
    expect(spans(rowOf(model)).slice(-3)).toEqual(["none running 510..5000", "none unknown 5000..20000", "died gone 20000.."]);
  });
  it("that the instance wrote is a stop until its last step, then an end", () => {
    const model = modelOf(...running());
    const entry = registered(one, "running", t0 + 510);
    model.apply({ type: "registered", entry });
    model.note(journaled(one, t0 + 3000, step("stopping.announcing", "shutdown"), step("stopping.deregistering")));
    model.note(
      journaled(one, t0 + 3010, end("shutdown", "SIGTERM"), step("stopping.draining"), waits("work in flight to end", 8000)),
    );
    model.apply({ type: "deregistered", entry });
    expect(rowOf(model)).toMatchObject({
      kind: "stopping",
      path: "stopping.draining",
      reason: "SIGTERM",
      end: null,
      lease: { state: "released" },
    });
    model.note(journaled(one, t0 + 3500, step("stopping.disconnecting"), end("shutdown", "SIGTERM")));
    expect(rowOf(model)).toMatchObject({
      kind: "ended",
      state: "stopped",
      path: "stopped",
      since: t0 + 3500,
      waits: null,
      end: { outcome: "shutdown", reason: "SIGTERM", at: t0 + 3500 },
    });
    expect(spans(rowOf(model)).at(-1)).toBe("ended gone 3500..");
  });
  it("begins with a wait that has no length, which is said without one", () => {
    const model = modelOf(...running());
    model.note(journaled(one, t0 + 3000, step("stopping.announcing", "shutdown"), waits("load balancers to notice", 0)));
    expect(explain(rowOf(model), t0 + 3020)).toBe("not ready: waits for load balancers to notice for 20 ms");
  });
  it("is expired of a stop that writes nothing any more: it had written how it would end, and did not get there", () => {
    const model = modelOf(...running());
    model.note(
      journaled(one, t0 + 3000, step("stopping.draining"), end("shutdown", "SIGTERM"), waits("work in flight to end", 8000)),
    );
    model.tick(t0 + 11_000);
    expect(rowOf(model).kind).toBe("stopping");
    model.tick(t0 + 13_001);
    expect(rowOf(model)).toMatchObject({
      kind: "expired",
      path: "stopping.draining",
      boots: [{ outcome: "expired", stopMs: null }],
    });
  });
  it.each([
    { signal: "SIGKILL", exitCode: null, kind: "failed" },
    { signal: null, exitCode: 130, kind: "failed" },
    { signal: null, exitCode: 0, kind: "ended" },
  ])("of a process that exits with $signal or $exitCode in the middle of its stop is $kind", ({ kind, ...how }) => {
    const model = modelOf(...running());
    model.note(journaled(one, t0 + 3000, step("stopping.draining"), end("shutdown", "SIGINT")));
    model.note(journaled({ ...one, boot: "", incarnation: 0 }, t0 + 3100, exited(how)));
    model.tick(t0 + 20_000);
    expect(rowOf(model)).toMatchObject({ kind, boots: [{ stopMs: null }] });
  });
  it("has the length of a stop where the boot has written its end itself", () => {
    const model = modelOf(...running());
    model.note(journaled(one, t0 + 3000, step("stopping.draining"), end("shutdown", "SIGINT")));
    model.note(journaled(one, t0 + 3400, step("stopping.disconnecting"), end("shutdown", "SIGINT")));
    expect(rowOf(model)).toMatchObject({ kind: "ended", boots: [{ stopMs: 400 }] });
  });
  it("is assumed of a boot that writes nothing after its deadline, and withdrawn by a later message", () => {
    const model = modelOf(...boot());
    model.tick(t0 + 65_000);
    expect(rowOf(model).kind).toBe("booting");
    model.tick(t0 + 65_011);
    expect(rowOf(model)).toMatchObject({ kind: "expired", state: "starting" });
    model.note(journaled(one, t0 + 65_100, step("registering")));
    expect(rowOf(model)).toMatchObject({ kind: "booting", end: null });
  });
  it("of one that never wrote is known from its parent", () => {
    const model = modelOf(
      journaled({ ...one, boot: "", incarnation: 0 }, t0, exited({ exitCode: 1, signal: null, cause: "NOAUTH" })),
    );
    expect(rowOf(model)).toMatchObject({
      kind: "failed",
      failures: [{ message: "NOAUTH" }],
      end: { reason: "exited with code 1" },
    });
  });
});

describe("readiness", () => {
  it("is what the instance wrote last while it lives, with the reason", () => {
    const model = modelOf(...running(), journaled(one, t0 + 900, notReady("Redis is not reachable")));
    expect(rowOf(model)).toMatchObject({ ready: false, reason: "Redis is not reachable" });
    expect(rowOf(model).lane.at(-1)).toMatchObject({ state: "running", ready: false, from: t0 + 900 });
  });
  it("is not known while the lease is not renewed", () => {
    const model = modelOf(...running());
    model.apply({ type: "registered", entry: registered(one, "running", t0 + 510) });
    model.noteLeases(new Map([["orders:orders-1", t0 + 15_510]]));
    expect(rowOf(model)).toMatchObject({ ready: true, lease: { state: "held", until: null } });
    model.tick(t0 + 9000);
    model.noteLeases(new Map([["orders:orders-1", t0 + 15_510]]));
    expect(rowOf(model)).toMatchObject({ ready: null, lease: { state: "suspect", until: t0 + 15_510 } });
    model.noteLeases(new Map([["orders:orders-1", t0 + 24_000]]));
    expect(rowOf(model)).toMatchObject({ ready: true, lease: { state: "held" } });
  });
});

describe("what changed", () => {
  it("is each row once since the last call, and the same object until something of it changes", () => {
    const model = modelOf(...running());
    expect(model.changed()).toEqual([rowOf(model)]);
    expect(model.changed()).toEqual([]);
    const before = rowOf(model);
    expect(rowOf(model)).toBe(before);
    model.note(journaled(one, t0 + 700, notReady("a check")));
    expect(model.changed()).toEqual([rowOf(model)]);
    expect(rowOf(model)).not.toBe(before);
  });
  it("is nothing where a message is empty", () => {
    expect(modelOf(journaled(one, t0)).rows()).toEqual([]);
  });
});

describe("instances that have ended", () => {
  const lived = (index: number, at: number): JournalEntry[] => {
    const of = { ...one, instance: `orders-${index}`, boot: index.toString(16) };
    return [
      ...boot(of, at),
      journaled(
        of,
        at + 100,
        failedFact("starting: EACCES"),
        end("failed", "onStart failed", ["EACCES"]),
        exited({ exitCode: 1, signal: null }),
      ),
    ];
  };
  it("are kept for a day", () => {
    const model = modelOf(...lived(1, t0));
    model.tick(t0 + 86_400_000);
    expect(model.rows()).toHaveLength(1);
    model.tick(t0 + 86_400_101);
    expect(model.rows()).toEqual([]);
    expect(model.removed()).toEqual(["orders:orders-1"]);
    expect(model.removed()).toEqual([]);
  });
  it("are kept up to fifty a service, the newest", () => {
    const model = modelOf();
    for (let at = 0; at < 60; at += 1) for (const each of lived(at, t0 + at * 1000)) model.note(each);
    expect(model.rows()).toHaveLength(50);
    expect(model.row("orders:orders-9")).toBeUndefined();
    expect(model.row("orders:orders-10")).toBeDefined();
  });
});

describe("a fleet beside hostile writers", () => {
  it("of ten thousand instances shows each, whatever names a writer of the journal invents", () => {
    const model = modelOf();
    const names = Array.from({ length: 10_000 }, (_, at) => `orders-${at}`);
    for (const [at, instance] of names.entries())
      model.apply({ type: "registered", entry: registered({ ...one, instance, boot: at.toString(16) }, "running", t0) });
    for (let at = 0; at < 12_000; at += 1)
      model.note(journaled({ ...one, service: `fake-${at}`, instance: "x" }, t0, step("starting")));
    expect(model.rows()).toHaveLength(20_000);
    expect(names.filter((instance) => model.row(`orders:${instance}`)?.kind !== "living")).toEqual([]);
  });
  it("takes no state that the chart does not have, and no name of a prototype", () => {
    const model = modelOf(
      ...running(),
      journaled(one, t0 + 800, step("__proto__.x"), step("constructor"), began("toString.x"), step("running.constructor.name")),
    );
    expect(rowOf(model)).toMatchObject({ state: "running", kind: "living" });
  });
});
