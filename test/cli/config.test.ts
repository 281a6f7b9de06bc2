/** `stargazer config`: the values in force, where each came from, and no secret among them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { endCli, openShell } from "../kit/cli.ts";

const shell = openShell();
afterEach(endCli);
afterAll(() => shell.remove());

const index = new URL("../../dist/src/index.js", import.meta.url).href;
/** A service of a user's, which is launched where its module is run, and prints to standard output. */
const write = (name: string, end: string): string => {
  const file = join(shell.folder, name);
  writeFileSync(
    file,
    `import { launch, StargazerService } from ${JSON.stringify(index)};
console.log("a line of the module's own");
class Orders extends StargazerService {
  constructor() { super({ serviceName: "orders", redis: null, startTimeoutMs: 90000 }); }
  onStart() { console.log("STARTED"); }
  run() {}
  onStop() {}
}
${end}`,
  );
  return file;
};

interface Printed {
  services: { service: string; options: { option: string; value: unknown; source: string; variable: string }[] }[];
  variables: { variable: string; value: string | null }[];
}
const configOf = async (args: string[], env: Record<string, string> = {}) => {
  const { code, out, err } = await shell.run(["config", "--json", ...args], { env });
  expect(code, err).toBe(0);
  return { printed: JSON.parse(out) as Printed, out, err };
};

describe("config", () => {
  it.each([
    ["exported.mjs", "export default Orders;"],
    ["launched.mjs", "await launch(() => new Orders());"],
    ["two.mjs", "launch(new Orders()); launch(new Orders());"],
  ])("--for a module, %s, has what its services would run with, and starts none of them", async (name, end) => {
    const { printed, out, err } = await configOf(["--for", write(name, end)], { SG_DRAIN_DELAY_MS: "15000" });
    expect(printed.services.map(({ service }) => service)).toEqual(name === "two.mjs" ? ["orders", "orders"] : ["orders"]);
    const found = new Map(printed.services[0]!.options.map((entry) => [entry.option, entry]));
    expect(found.get("startTimeoutMs")).toMatchObject({ value: 90_000, source: "option", variable: "SG_START_TIMEOUT_MS" });
    expect(found.get("drainDelayMs")).toMatchObject({ value: 15_000, source: "environment" });
    expect(found.get("stopTimeoutMs")).toMatchObject({ value: 8000, source: "default" });
    expect(out).not.toContain("module's own");
    expect(err.trim().split("\n")).toEqual(["a line of the module's own"]);
    expect(out + err).not.toContain("STARTED");
  });

  it("shows no secret of the environment, as text and as JSON", async () => {
    const env = {
      REDIS_URL: "redis://user:s3cret@127.0.0.1:1",
      SG_TOKEN: "s3cret-s3cret-s3cret-s3cret-s3cret",
      OPENAI_API_KEY: "s3cret",
      OPENAI_BASE_URL: "https://me:s3cret@model.example/v1?key=s3cret",
    };
    const { printed, out } = await configOf([], env);
    const text = await shell.run(["config"], { env });
    expect(out + text.out).not.toContain("s3cret");
    expect(printed.variables).toContainEqual(expect.objectContaining({ variable: "SG_TOKEN", value: "(hidden)" }));
    expect(printed.variables).toContainEqual(
      expect.objectContaining({ variable: "OPENAI_BASE_URL", value: "https://model.example/v1" }),
    );
    expect(text.out).toMatch(/^ {2}redis +redis:\/\/user:\*\*\*@127\.0\.0\.1:1 +environment +REDIS_URL$/m);
  });

  it("--for a tier has the variables of services and of that tier only", async () => {
    const { printed } = await configOf(["--for", "inference"]);
    const names = printed.variables.map(({ variable }) => variable);
    expect(names).toContain("OPENAI_MODEL");
    expect(names).not.toContain("SG_WEB_PORT");
  });

  it.each([
    [["config", "orders"], /unexpected argument "orders": name the service by --for/],
    [["config", "--for", "ordrs"], /unknown tier "ordrs"/],
    [["config", "--for", "./no-such.js"], /there is no module \.\/no-such\.js/],
  ])("%j is wrong usage", async (args, problem) => {
    const { code, err } = await shell.run(args);
    expect([code, err]).toEqual([2, expect.stringMatching(problem)]);
  });

  it("names every wrong value of the environment, and exits 2", async () => {
    const { code, err } = await shell.run(["config"], { env: { SG_STOP_TIMEOUT_MS: "soon", SG_REDIS_REQUIRED: "no" } });
    expect(code).toBe(2);
    expect(err).toMatch(/SG_STOP_TIMEOUT_MS .*SG_REDIS_REQUIRED/);
  });
});
