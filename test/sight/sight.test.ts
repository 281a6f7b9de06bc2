/** Short forms of the proofs, without a bound of any time; `npm run sight` is the long one, with them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { deadlines } from "../kit/deadlines.ts";
import { arrowsIn, missingIn, placesOf, readLife } from "./kills/arrows.mjs";

const program = fileURLToPath(new URL("main.mjs", import.meta.url));

interface Claim {
  readonly what: string;
  readonly want?: string | number;
  readonly got: number;
}

const sight = async (...args: string[]) => {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
};

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
    expect(placesOf(life)).toEqual(["starting", "registering"]);
    expect(placesOf({ ...life, died: 105 })).toEqual(["starting", "starting.model", "starting", "registering"]);
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
