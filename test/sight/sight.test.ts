/** Short forms of the proofs, without a bound of any time; `npm run sight` is the long one, with them. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { deadlines } from "../kit/deadlines.ts";
import { runScript } from "../kit/script.ts";
import { arrowsIn, missingIn, placesOf, readLife } from "./kills/arrows.mjs";
import { delaysOf } from "./light/paints.mjs";
import { hasBrowser } from "./page/browser.mjs";
import { isMet, quantile, spread } from "./table.mjs";

const program = fileURLToPath(new URL("main.mjs", import.meta.url));

interface Claim {
  readonly what: string;
  readonly want?: string | number;
  readonly got: number | string;
}

const sight = (...args: string[]) => runScript(program, args);

/** What each claim measured, by its first words. */
const measured = async (name: string, ...args: string[]) => {
  const { stdout, stderr } = await sight(name, "--seed", "16", "--json", ...args);
  expect(stderr).toBe("");
  const [{ claims, notes }] = JSON.parse(stdout).results as [{ claims: Claim[]; notes: string[] }];
  const got = (what: string) => claims.find((claim) => claim.what.startsWith(what))?.got;
  return { got, notes: notes.join("\n") };
};

describe("instances that are killed in each place from starting on", () => {
  it("have each arrow in the journal, and are named with state and release", { timeout: deadlines.long }, async () => {
    const { got, notes } = await measured("kills", "--kills", "14", "--steady");
    expect({
      killed: got("killed"),
      missing: got("missing"),
      named: got("named"),
      double: got("instances with two"),
      notes,
    }).toEqual({
      ...{ killed: 14, missing: 0, named: 14, double: 0, notes },
    });
    expect([got("under up: deaths that are not shown"), got("alone: deaths that are not shown")]).toEqual([0, 0]);
    for (const place of ["starting", "running", "stopping.draining", "stopping.unwinding", "stopping.releasing"])
      expect(notes).toContain(place);
  });
});

describe("the arrows of a killed process", () => {
  const life = readLife(
    [
      { instance: "a", number: 7 },
      { at: 0, event: "xstate.done.actor.pingRedis", path: "starting" },
      { at: 10, event: "phase.began", phase: "starting.model", path: "starting" },
      { at: 500, event: "phase.ended", phase: "starting.model", path: "starting" },
      { at: 501, event: "xstate.done.actor.startTier", path: "registering" },
      { died: 600 },
    ]
      .map((line) => JSON.stringify(line))
      .join("\n"),
  );
  const began = { kind: "began", phase: "starting.model" };
  const entered = { kind: "step", event: "xstate.done.actor.pingRedis", path: "starting" };

  it("are missing where they were taken 100 ms or more before the death, and the journal has them not or not as often", () => {
    expect(life).toMatchObject({ instance: "a", version: "1.7.0", died: 600 });
    expect(arrowsIn([entered, began, { kind: "waits", what: "x" }])).toHaveLength(2);
    expect(missingIn(life, [entered, began])).toEqual(["phase.ended starting.model"]);
    expect(missingIn(life, [entered])).toEqual(["phase.began starting.model", "phase.ended starting.model"]);
    const twice = { ...life, arrows: [...life.arrows, ...life.arrows.slice(1, 2)] };
    expect(missingIn(twice, [entered, began, { kind: "ended", phase: "starting.model" }])).toEqual([
      "phase.began starting.model",
    ]);
  });

  it("lead to the places that may be named: the last that is certain, and each later one", () => {
    expect(placesOf(life, [entered])).toEqual(["starting", "registering"]);
    expect(placesOf(life, [{ ...entered, path: "healthy.opening" }])).toEqual(["starting", "registering", "healthy.opening"]);
    expect(placesOf({ ...life, died: 105 }, [])).toEqual(["starting", "starting.model", "starting", "registering"]);
  });
});

describe.runIf(hasBrowser)("a page with hundreds of instances", () => {
  it("shows what was written last, after a burst of updates and in the end", { timeout: deadlines.long }, async () => {
    const { got, notes } = await measured("endurance", "--quick");
    expect([got("the page shows what was written last"), notes]).toEqual(["yes", notes]);
  });
});

describe("scrapes", () => {
  it("have no series twice, and at most 100 of an instance after 10,000 phases of 1,000 names", async () => {
    const { got, notes } = await measured("scrapes");
    expect([got("duplicates"), notes]).toEqual([0, ""]);
    expect(Number(got("series of an instance"))).toBeLessThanOrEqual(100);
  });
});

describe("the delays of paints", () => {
  const entries = ["starting", "registering", "healthy", "running", "stopping", "stopped", "starting"].map((state, at) => ({
    state,
    at: 10 * at,
  }));

  it("are those of each entry to the first paint of its state or of a later one", () => {
    const painted = (...paints: [state: string, at: number][]) => paints.map(([state, at]) => ({ state, at }));
    expect(delaysOf(entries, painted(["starting", 5], ["running", 35], ["stopping", 45], ["stopped", 46]))).toEqual([
      5, 25, 15, 5, 5,
    ]);
    expect(delaysOf(entries, painted(["stopping", 45], ["starting", 70]))).toEqual([45, 35, 25, 15, 5, 10]);
    expect(delaysOf(entries, painted(["running", 29]))).toEqual([]);
  });

  it("are summed up by their quantiles, and a proof by its claims", () => {
    const values = Array.from({ length: 100 }, (_, at) => 99 - at);
    expect(spread(values)).toEqual({ count: 100, p50: 50, p90: 90, p99: 99, max: 99 });
    expect([quantile([], 0.5), spread([]).max]).toEqual([0, 0]);
    const claims = [
      { what: "a", got: 1 },
      { what: "b", got: 2, ok: true },
    ];
    expect([isMet({ claims }), isMet({ claims: [...claims, { what: "c", got: 3, ok: false }] })]).toEqual([true, false]);
  });
});

it.each([
  [["peace"], 'there is no proof "peace"'],
  [["kills", "--kills", "0"], "--kills needs a whole number"],
  [["--nonsense"], "--nonsense"],
])("refuses %j with one line", async (args, says) => {
  const { status, stderr } = await sight(...args);
  expect([status, stderr]).toEqual([2, expect.stringContaining(says)]);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
