/** The lease chart's actions, guards and delays: what it writes, what it sends to its parent, and when. */
import { describe, expect, it } from "vitest";
import { createActor, fromCallback } from "xstate";
import type { LeaseContext, LeaseSnapshot, LeaseTimes } from "../../machines/index.ts";
import { isLeaseHeld, leaseMachine } from "../../machines/index.ts";
import { linesOf } from "../kit/known.ts";
import type { Cue } from "../kit/story.ts";
import { story } from "../kit/story.ts";

const times: LeaseTimes = { heartbeatMs: 5000, leaseTtlMs: 15_000, writeTimeoutMs: 2000, leaseRetryMs: 1000 };
const twin = { host: "elsewhere", pid: 7 };
const superseded = (actor: string): Cue => ({ type: `xstate.done.actor.${actor}`, output: { type: "superseded", twin } });
const status = (next: string): Cue => ({ type: "status", status: next });

const parent = createActor(
  fromCallback(() => {}),
  { id: "parent" },
);

/** The wall clock: it is set back by an hour in each step of 100 ms. */
const told = (time: number) => 1_700_000_000_000 - time * 36_000;

/** A lease in which each step takes 100 ms, and `random` gives 0.5. */
const leaseOf = (cues: readonly Cue[], random = 0.5) => {
  let time = 0;
  const input = { parent, status: "starting", times, now: () => time, epochNow: () => told(time), random: () => random };
  const { steps, snapshot } = story(leaseMachine, input, cues, (step) => {
    time = step * 100;
  });
  return { steps, snapshot: snapshot as unknown as LeaseSnapshot };
};
const contextOf = (cues: readonly Cue[]) => leaseOf(cues).snapshot.context;
const lastOf = (cues: readonly Cue[]) => leaseOf(cues).steps.at(-1);

const held = ["registerInstance done ok"];
const beating = [...held, "after heartbeatInterval"];
const suspect = [...beating, "renewLease error"];
const lost = [...beating, "renewLease done gone"];
const regained = [...lost, "registerInstance done ok"];

describe("a lease, step by step", () => {
  it("held, through trouble, lost, regained, released", () => {
    const cues = [
      ...suspect,
      "after leaseRetry",
      "renewLease error",
      "after leaseTtl",
      "registerInstance error",
      "after leaseRetry",
      "registerInstance done ok",
      "after heartbeatInterval",
      "renewLease done ok",
      "release",
      "deregisterInstance done",
    ];
    expect(leaseOf(cues).steps).toEqual([
      'registering | writeTimeout in 2000 | start registerInstance {"status":"starting","changed":true}',
      "registerInstance done ok -> held.waiting | stop registerInstance | parent <- lease.held | heartbeatInterval in 4900",
      'after heartbeatInterval -> held.beating | beatTimeout in 2000 | start renewLease {"status":"starting","changed":false}',
      "renewLease error -> suspect.waiting | stop renewLease | parent <- lease.suspect trouble | leaseTtl in 14800 | leaseRetry in 1000",
      'after leaseRetry -> suspect.beating | writeTimeout in 2000 | start renewLease {"status":"starting","changed":false}',
      "renewLease error -> suspect.waiting | stop renewLease | leaseRetry in 1000",
      "after leaseTtl -> lost.registering | parent <- lease.lost trouble | " +
        'writeTimeout in 2000 | start registerInstance {"status":"starting","changed":true}',
      "registerInstance error -> lost.waiting | stop registerInstance | leaseRetry in 1000",
      'after leaseRetry -> lost.registering | writeTimeout in 2000 | start registerInstance {"status":"starting","changed":true}',
      "registerInstance done ok -> regained | stop registerInstance | parent <- lease.regained | heartbeatInterval in 4900",
      'after heartbeatInterval -> held.beating | beatTimeout in 2000 | start renewLease {"status":"starting","changed":false}',
      "renewLease done ok -> held.waiting | stop renewLease | heartbeatInterval in 4900",
      "release -> releasing | writeTimeout in 2000 | start deregisterInstance",
      "deregisterInstance done -> released | stop deregisterInstance | parent <- lease.released",
    ]);
    expect(leaseOf(cues).snapshot.status).toBe("done");
  });

  it("an entry that is gone is written again at once", () => {
    expect(lastOf(lost)).toBe(
      "renewLease done gone -> lost.registering | stop renewLease | parent <- lease.lost the entry was gone | " +
        'writeTimeout in 2000 | start registerInstance {"status":"starting","changed":true}',
    );
    const known = [...beating, status("healthy"), "renewLease done gone"];
    expect(lastOf(known)).toContain('{"status":"healthy","changed":true}');
  });

  it("a first write that does not succeed is repeated after a pause, and `lost` is sent", () => {
    const waits = (reason: string) => `stop registerInstance | parent <- lease.lost ${reason} | leaseRetry in 1000`;
    expect(lastOf(["registerInstance error"])).toBe(`registerInstance error -> lost.waiting | ${waits("trouble")}`);
    expect(lastOf(["registerInstance done gone"])).toContain(waits("the entry was gone"));
    expect(lastOf(["after writeTimeout"])).toMatch(/^after writeTimeout -> lost.waiting .* lease.lost Redis did not answer/);
  });

  it("later writes without success lead to the next attempt, and `lost` is sent once", () => {
    const again = [...suspect, "after leaseRetry"];
    expect(lastOf([...beating, "after beatTimeout"])).toMatch(/-> suspect.waiting .* lease.suspect Redis did not answer/);
    expect(lastOf([...again, "after writeTimeout"])).toBe(
      "after writeTimeout -> suspect.waiting | stop renewLease | leaseRetry in 1000",
    );
    expect(lastOf([...again, "renewLease done gone"])).toMatch(/-> lost.registering .* lease.lost the entry was gone/);
    for (const end of ["after writeTimeout", "registerInstance done gone"])
      expect(lastOf([...lost, end])).toBe(`${end} -> lost.waiting | stop registerInstance | leaseRetry in 1000`);
  });

  it("held again after trouble is sent; a beat that succeeds is not", () => {
    expect(lastOf([...suspect, "after leaseRetry", "renewLease done ok"])).toBe(
      "renewLease done ok -> held.waiting | stop renewLease | parent <- lease.held | heartbeatInterval in 4900",
    );
    expect(lastOf([...beating, "renewLease done ok"])).toBe(
      "renewLease done ok -> held.waiting | stop renewLease | heartbeatInterval in 4900",
    );
  });

  it.each([
    ["registering", [], "registerInstance"],
    ["held", beating, "renewLease"],
    ["suspect", [...suspect, "after leaseRetry"], "renewLease"],
    ["lost", lost, "registerInstance"],
  ] as const)("a newer boot that is met while %s ends it, and is named", (_, way, actor) => {
    const { steps, snapshot } = leaseOf([...way, superseded(actor)]);
    expect(steps.at(-1)).toContain(`-> superseded | stop ${actor} | parent <- lease.superseded ${JSON.stringify(twin)}`);
    expect(snapshot.status).toBe("done");
  });

  it("an unknown answer counts as superseded, by an unknown process", () => {
    expect(lastOf(["registerInstance done odd"])).toContain('lease.superseded {"host":"unknown","pid":0}');
  });

  it.each([
    ["deregisterInstance error", "trouble"],
    ["after writeTimeout", "Redis did not answer in time; the outcome of the write is unknown"],
  ])("a delete that ends with '%s' is abandoned, with the reason", (cue, reason) => {
    const { steps, snapshot } = leaseOf([...held, "release", cue]);
    expect(steps.at(-1)).toBe(`${cue} -> abandoned | stop deregisterInstance | parent <- lease.abandoned ${reason}`);
    expect(snapshot.status).toBe("done");
  });

  it("a write under way is abandoned by a release, and none follows", () => {
    expect(lastOf([...beating, "release"])).toBe(
      "release -> releasing | stop renewLease | writeTimeout in 2000 | start deregisterInstance",
    );
    expect(lastOf([...held, "release", status("stopping")])).toBe("status stopping -> releasing");
    expect(() => leaseOf([...held, "release", "release"])).toThrow("no arrow");
  });
});

describe("the status", () => {
  it("is written at once where nothing is under way, and after the write under way else", () => {
    const writes = 'start renewLease {"status":"running","changed":true}';
    expect(lastOf([...held, status("running")])).toBe(`status running -> held.beating | beatTimeout in 2000 | ${writes}`);
    expect(lastOf([...regained, status("running")])).toBe(`status running -> held.beating | beatTimeout in 2000 | ${writes}`);
    expect(lastOf([...beating, status("running")])).toBe("status running -> held.beating");
    expect(lastOf([...beating, status("running"), "renewLease done ok"])).toBe(
      `renewLease done ok -> held.beating | beatTimeout in 2000 | ${writes}`.replace("|", "| stop renewLease |"),
    );
  });

  it("that Redis has seen is the one that was sent, not the one that is wanted by now", () => {
    const { wanted, sent, written } = contextOf([...beating, status("running"), "renewLease done ok"]);
    expect([wanted, sent, written]).toEqual(["running", "running", "starting"]);
    expect(contextOf([...held, status("running"), "renewLease done ok"]).written).toBe("running");
  });

  it("while suspect or lost is written with the next try", () => {
    expect(lastOf([...suspect, status("running"), "after leaseRetry"])).toContain('{"status":"running","changed":true}');
    expect(lastOf([...lost, "registerInstance error", status("running"), "after leaseRetry"])).toContain('"status":"running"');
    const written = (cues: readonly Cue[]) => contextOf(cues).written;
    expect(written([...suspect, status("running"), "after leaseRetry", "renewLease done ok"])).toBe("running");
    const lostTwice = [...lost, "registerInstance error", status("running"), "after leaseRetry"];
    expect(written([...lostTwice, "registerInstance done ok"])).toBe("running");
  });
});

describe("what it notes", () => {
  it("nothing at first", () => {
    const { parent: _, times: given, now: __, epochNow: ___, random: ____, ...noted } = contextOf([]);
    expect(given).toBe(times);
    expect(noted).toEqual({
      wanted: "starting",
      sent: "starting",
      sentAt: 0,
      written: undefined,
      confirmedAt: 0,
      provenAt: 0,
      confirmedEpoch: told(0),
      missed: 0,
      trouble: "",
    });
  });

  it("counts the writes in a row without an answer, and why; an answer that agrees ends the count", () => {
    expect(contextOf(suspect)).toMatchObject({ missed: 1, trouble: "trouble", confirmedAt: 100 });
    const again = [...suspect, "after leaseRetry", "after writeTimeout"];
    expect(contextOf(again)).toMatchObject({ missed: 2, trouble: expect.stringContaining("outcome of the write is unknown") });
    expect(contextOf([...again, "after leaseRetry", "renewLease done ok"])).toMatchObject({
      missed: 0,
      trouble: "",
      confirmedAt: 700,
      provenAt: 600,
      confirmedEpoch: told(700),
    });
    expect(contextOf(lost)).toMatchObject({ missed: 0, trouble: "the entry was gone", written: undefined });
  });

  it("a thrown text is its own reason", () => {
    expect(contextOf([{ type: "xstate.error.actor.registerInstance", error: "torn" }]).trouble).toBe("torn");
  });

  it("a write that overruns is missed in every state", () => {
    for (const way of [[], [...suspect, "after leaseRetry"], lost])
      expect(contextOf([...way, "after writeTimeout"]).trouble).toContain("did not answer in time");
    expect(contextOf([...beating, "after beatTimeout"]).trouble).toContain("did not answer in time");
  });
});

describe("the time it gives", () => {
  type Delay = (args: { context: LeaseContext }) => number;
  const delays = leaseMachine.implementations.delays as unknown as Record<string, Delay>;
  const delay = (name: string, context: Partial<LeaseContext> = {}) =>
    delays[name]!({ context: { ...contextOf([]), ...context } });

  it.each([
    ["heartbeatInterval", 5000],
    ["leaseRetry", 1000],
  ])("%s is spread by a tenth to both sides", (name, middle) => {
    expect(delay(name, { random: () => 0 })).toBeCloseTo(middle * 0.9);
    expect(delay(name, { random: () => 0.5 })).toBeCloseTo(middle);
    expect(delay(name, { random: () => 1 })).toBeCloseTo(middle * 1.1);
  });

  it("a beat follows the last write, not its answer, and at once where that came late", () => {
    const chance = { random: () => 0.5, sentAt: 1000 };
    expect(delay("heartbeatInterval", { ...chance, now: () => 2900 })).toBe(3100);
    expect(delay("heartbeatInterval", { ...chance, now: () => 9000 })).toBe(0);
  });

  it("a beat has the deadline of a write, but behind a late answer no more than a heartbeat and that deadline since the last write", () => {
    const beatTimeout = (heartbeatMs: number, now: number) =>
      delay("beatTimeout", { times: { ...times, heartbeatMs }, provenAt: 10_000, now: () => now });
    expect(beatTimeout(1000, 11_000)).toBe(2000);
    expect(beatTimeout(1000, 11_900)).toBeCloseTo(1200);
    expect(beatTimeout(5000, 12_000)).toBe(2000);
  });

  it("a beat behind a pause of the whole process has a heartbeat's time, and no more than a write", () => {
    const paused = { provenAt: 0, now: () => 60_000 };
    expect(delay("beatTimeout", { ...paused, times: { ...times, heartbeatMs: 1000 } })).toBeCloseTo(1100);
    expect(delay("beatTimeout", paused)).toBe(2000);
  });

  it("the entry lives for its TTL from the last confirmation", () => {
    expect(delay("leaseTtl", { confirmedAt: 1000, now: () => 3000 })).toBe(13_000);
    expect(delay("leaseTtl", { confirmedAt: 1000, now: () => 30_000 })).toBe(0);
  });
});

describe("an actor that was not provided", () => {
  it.each(["registerInstance", "renewLease", "deregisterInstance"])("%s fails with its own name", async (name) => {
    const { actors } = leaseMachine.implementations as unknown as { actors: Record<string, { config: () => Promise<void> }> };
    await expect(actors[name]!.config()).rejects.toThrow(`'${name}'`);
  });
});

describe("what is known of each state of a lease", () => {
  it("is its tags, its tone, what it waits for and its deadline", () => {
    expect(linesOf(leaseMachine)).toEqual([
      "registering | waits for the entry to be written | within writeTimeout",
      "held | [held] | tone good",
      "held.waiting | waits for the next beat | within heartbeatInterval",
      "held.beating | waits for Redis to confirm the beat | within beatTimeout",
      "suspect | tone caution | within leaseTtl",
      "suspect.waiting | waits for the next try | within leaseRetry",
      "suspect.beating | waits for Redis to confirm the beat | within writeTimeout",
      "lost | tone bad",
      "lost.registering | waits for the entry to be written again | within writeTimeout",
      "lost.waiting | waits for the next try | within leaseRetry",
      "regained | tone caution | waits for the next beat | within heartbeatInterval",
      "releasing | [ending] | waits for the entry to be deleted | within writeTimeout",
      "superseded | [ending] | tone bad",
      "released | [ending] | tone good",
      "abandoned | [ending] | tone bad",
    ]);
  });

  it("is held in `held` and below it only", () => {
    expect(["held", "held.waiting", "held.beating"].map(isLeaseHeld)).toEqual([true, true, true]);
    expect(["registering", "suspect.waiting", "lost.registering", "regained", ""].some(isLeaseHeld)).toBe(false);
  });
});
