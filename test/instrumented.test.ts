/** What may have been preloaded, and what follows from it: the command line of a bundle, or of plain modules. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { instrumentedBy } from "../src/instrumented.ts";

const openTelemetry = Symbol.for("opentelemetry.js.api.1");
const globals = globalThis as Record<symbol, unknown>;
const execArgv = [...process.execArgv];

afterEach(() => {
  vi.unstubAllEnvs();
  process.execArgv = [...execArgv];
  delete globals[openTelemetry];
});

describe("what may instrument modules", () => {
  it.each([
    [["--import", "./otel.mjs"], "--import"],
    [["--import=./otel.mjs"], "--import"],
    [["-r", "./otel.cjs"], "-r"],
    [["--enable-source-maps", "--require=x"], "--require"],
    [["--loader", "x"], "--loader"],
    [["--experimental-loader=x"], "--experimental-loader"],
    [["--max-old-space-size=64", "--imports"], undefined],
    [[], undefined],
  ])("is found in the options %j of Node: %s", (options, found) => {
    vi.stubEnv("NODE_OPTIONS", "");
    process.execArgv = options;
    expect(instrumentedBy()).toBe(found);
  });

  it("is found in NODE_OPTIONS, which has other options too", () => {
    process.execArgv = [];
    vi.stubEnv("NODE_OPTIONS", "--max-old-space-size=64 --dns-result-order=ipv4first");
    expect(instrumentedBy()).toBeUndefined();
    vi.stubEnv("NODE_OPTIONS", "--max-old-space-size=64 --require ./otel.cjs");
    expect(instrumentedBy()).toBe("NODE_OPTIONS --require");
  });

  it("is the API of OpenTelemetry, which leaves a global", () => {
    process.execArgv = [];
    vi.stubEnv("NODE_OPTIONS", "");
    globals[openTelemetry] = {};
    expect(instrumentedBy()).toBe("OpenTelemetry");
  });
});

describe("the command line", () => {
  const main = fileURLToPath(new URL("../dist/src/cli/main.js", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "sg-preload-"));
  /** Prints which file of the command line has been loaded, by the stack of its last call. */
  const preload = join(folder, "preload.cjs");
  writeFileSync(
    preload,
    'const { log } = console; console.log = (...all) => (log(...all), process.stderr.write(new Error("from").stack));',
  );
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("runs from the bundle, and from plain modules where something is preloaded, which it says at debug level", () => {
    const stackOf = (...options: string[]) => {
      // without a preload the same file is run beside the program
      const env = { ...process.env, NODE_OPTIONS: "", NODE_DEBUG: "stargazer" };
      return spawnSync(process.execPath, [...options, main, "--version"], { encoding: "utf8", env });
    };
    const preloaded = stackOf("-r", preload);
    expect(preloaded.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(preloaded.stderr).toMatch(/-r may instrument modules: the command line runs from plain ones/);
    expect(preloaded.stderr).toContain("/dist/src/cli/program.js");
    expect(preloaded.stderr).not.toContain("/dist/bundle/");
    expect(stackOf()).toMatchObject({ status: 0, stdout: preloaded.stdout, stderr: "" });
  });
});
