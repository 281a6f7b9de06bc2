/** The cheaper forms of functions of xstate and ioredis that bundles of programs have: they do what the originals do. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { cheaperPackages } from "../../src/build/packages.mjs";
import { deadlines } from "../kit/deadlines.ts";
import { simulate } from "../simulation/run.ts";

const program = fileURLToPath(new URL("../simulation/main.mjs", import.meta.url));
const seeds = 100;

describe("the cheaper forms of functions of packages", () => {
  it("lead the same lives, to the microsecond, as the packages as they are", { timeout: deadlines.test }, async () => {
    const plain = await simulate({ from: 0, seeds });
    const { stdout, stderr } = spawnSync(process.execPath, [program, "--seeds", String(seeds), "--json"], { encoding: "utf8" });
    expect(stderr).toBe("");
    const { hash, lifecycles, steps, broken } = JSON.parse(stdout);
    expect({ hash, lifecycles, steps, broken }).toEqual({
      ...{ hash: plain.hash, lifecycles: plain.lifecycles, steps: plain.steps, broken: [] },
    });
  });

  it("refuse a version of a package that no longer has the text they replace", () => {
    const replace = () => cheaperPackages.transform("const commands = [];", "node_modules/ioredis/built/utils/Commander.js");
    expect(replace).toThrow("no longer has, once, the text commands.forEach(function (commandName) {");
    expect(cheaperPackages.transform("", "node_modules/fastify/fastify.js")).toBeNull();
  });
});
