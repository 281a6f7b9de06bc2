/** `npm run simulate` runs a bundle, and the suite the modules. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { deadlines } from "../kit/deadlines.ts";
import { simulate } from "./run.ts";

const program = fileURLToPath(new URL("main.mjs", import.meta.url));
const seeds = 100;

it("the bundle leads the same lives, to the microsecond, as the modules", { timeout: deadlines.test }, async () => {
  const plain = await simulate({ from: 0, seeds });
  const { stdout, stderr } = spawnSync(process.execPath, [program, "--seeds", String(seeds), "--json"], { encoding: "utf8" });
  expect(stderr).toBe("");
  const { hash, lifecycles, steps, broken } = JSON.parse(stdout);
  expect({ hash, lifecycles, steps, broken }).toEqual({
    ...{ hash: plain.hash, lifecycles: plain.lifecycles, steps: plain.steps, broken: [] },
  });
});
