/** A short pass of the fuzzing, by count of inputs; `npm run fuzz` is the long one. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { frameFrom, jsonLike, randomOf, requestFrom, textFrom } from "./inputs.mjs";

const program = fileURLToPath(new URL("main.mjs", import.meta.url));
const fuzz = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });

describe("fuzzing", () => {
  it("finds nothing in forty inputs of a fixed seed to each server, reader and stream", () => {
    const only = "health-thread,health-main,web,gateway,inspector,websocket,entries,registry,recordings";
    const { status, stdout, stderr } = fuzz("--count", "40", "--seed", "52", "--json", "--only", only);
    expect(stderr).toBe("");
    const { results } = JSON.parse(stdout) as { results: { target: string; inputs: number; found: unknown[] }[] };
    expect(results.map(({ target, inputs, found }) => [target, inputs, found])).toEqual(
      only.split(",").map((target) => [target, 40, []]),
    );
    expect(status).toBe(0);
  });

  it("makes the same input from the same seed and number, and another from another", () => {
    const inputs = (seed: number, n: number) => {
      const random = randomOf(seed, n);
      const frame = frameFrom(random, { type: "message", text: "hello" }).toString("hex");
      return [textFrom(random), jsonLike(random, { a: 1, b: "x" }), requestFrom(random, ["/"]).toString("hex"), frame];
    };
    const all = Array.from({ length: 200 }, (_, n) => inputs(1, n));
    expect(Array.from({ length: 200 }, (_, n) => inputs(1, n))).toEqual(all);
    expect(new Set(all.map((each) => JSON.stringify(each))).size).toBe(200);
    expect(Array.from({ length: 200 }, (_, n) => inputs(2, n))).not.toEqual(all);
  });

  it.each([
    [["--only", "nothing"], 'unknown target "nothing"'],
    [["--seconds", "x"], "--seconds needs a whole number"],
    [["--nonsense"], "--nonsense"],
  ])("refuses %j with one line", (args, says) => {
    const { status, stderr } = fuzz(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(says)]);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
