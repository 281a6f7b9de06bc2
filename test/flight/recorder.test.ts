/** The flight recorder's file: written when a stop failed, shown by `replay` and made into a test. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { stateNames } from "../../machines/index.ts";
import type { FlightRecording } from "../../src/flight/index.ts";
import { parseFlight, rerun, testText } from "../../src/flight/index.ts";
import { endCli, openShell } from "../kit/cli.ts";
import { lived } from "../kit/lived.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { startTestRedis } from "../kit/redis.ts";
import { hangs } from "../kit/tier.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const shell = openShell();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(shell.folder, "flights-"));
});
afterEach(async () => {
  await endPrograms();
  await endCli();
});
afterAll(() => shell.remove());

/** A launched service that follows a plan, to its end. */
const fly = (plan: object, env: Record<string, string> = {}): Program =>
  new Program("service.mjs", { env: { SG_FLIGHT_DIR: folder, SG_TEST: JSON.stringify(plan), ...env } });
const alone = { redis: null, stopTimeoutMs: 200 };
const files = () => readdirSync(folder);
const recorded = (): { path: string; flight: FlightRecording } => {
  const path = join(folder, files()[0]!);
  return { path, flight: parseFlight(readFileSync(path, "utf8"), path) };
};

/** The recording of a service that failed, in a process of its own. */
const failed = async (plan: object = { options: alone, run: "throws", onStop: "hangs" }) => {
  const program = fly(plan);
  expect(await program.ended).toMatchObject({ code: 1 });
  return { program, ...recorded() };
};

describe("the file of a failed stop", () => {
  it("is written by a launched service, for its user alone, and the log names it", async () => {
    const { program, path, flight } = await failed();
    const line = program.lines.find(({ type }) => type === "flight.written");
    expect(line).toMatchObject({ level: "warn", path, msg: expect.stringContaining(`npx stargazer replay ${path}`) });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(flight).toMatchObject({ service: "fixture", pid: program.pid, path: "stopped", dropped: 0 });
    expect(flight.end).toMatchObject({ outcome: "failed", reason: "run failed" });
    expect(flight.end?.failures.map(({ code }) => code)).toEqual(["SG_ERR_RUN_FAILED", "SG_ERR_STOP_TIMEOUT"]);
  });

  it("holds every state, event and failure in order", async () => {
    const { flight } = await failed();
    const states = flight.entries.flatMap((entry) =>
      entry.kind === "fact" && entry.fact.type === "state.entered" ? [entry.fact.state] : [],
    );
    expect(states).toEqual([...stateNames]);
    const events = flight.entries.flatMap((entry) => (entry.kind === "step" && !entry.always ? [entry.event.type] : []));
    expect(events.slice(0, 2)).toEqual(["boot", "xstate.after.bootJitter.lifecycle.jitter"]);
    expect(events).toContain("xstate.error.actor.runTier");
    expect(flight.entries.map(({ at }) => at)).toEqual(flight.entries.map(({ at }) => at).sort((a, b) => a - b));
    expect(rerun(flight)).toEqual({ same: true });
  });

  it("is not written by a service that stopped well", async () => {
    const program = fly({ options: alone });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(files()).toEqual([]);
  });

  it("is written before a second signal ends the process, and names the step that was cut", async () => {
    const program = fly({ options: { redis: null }, onStop: "hangs" });
    await program.state("running");
    program.signal("SIGTERM");
    await program.state("stopping");
    // a supervisor's double does not count, so it is sent until it does
    const again = setInterval(() => program.signal("SIGTERM"), 20);
    program.ended.finally(() => clearInterval(again));
    expect(await program.ended).toMatchObject({ code: 143 });
    const { flight } = recorded();
    expect([flight.path, flight.end]).toEqual(["stopping.unwinding", null]);
  });

  it("that cannot be written is a fact, and the exit code stays", async () => {
    const program = fly({ options: alone, run: "throws" }, { SG_FLIGHT_DIR: "/dev/null/nowhere" });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.lines.find(({ type }) => type === "flight.lost")).toMatchObject({
      reason: expect.stringContaining("ENOTDIR"),
    });
  });

  it("has no password in it", async () => {
    const redis = await startTestRedis();
    try {
      const { path } = await failed({ options: { redis: redis.url }, run: "throws" });
      const { password } = new URL(redis.url);
      expect(password.length).toBeGreaterThan(8);
      expect(readFileSync(path, "utf8")).not.toContain(password);
    } finally {
      await redis.stop();
    }
  });
});

describe("replay", () => {
  const kept = async () => {
    const hooks = { run: () => Promise.reject(new Error("as planned")), onStop: hangs };
    const flight = JSON.parse(JSON.stringify(await lived(hooks, { stopTimeoutMs: 50 }))) as FlightRecording;
    const path = join(folder, "flight.json");
    writeFileSync(path, JSON.stringify(flight));
    return { path, flight };
  };

  it("shows each event, where it led, what failed, and the tree of phases", async () => {
    const { path } = await kept();
    const { code, out, err } = await shell.run(["replay", path]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("stopped: failed (run failed)");
    expect(out).toMatch(/\+\d+ ms {2}boot -> jitter\n/);
    expect(out).toMatch(
      /runTier error \(as planned\) -> stopping\.announcing\n +! failed in running: run failed: as planned \[SG_ERR_RUN_FAILED\]/,
    );
    expect(out).toMatch(/\[SG_ERR_RUN_FAILED\]\n(?: +(?:at|caused by) .*\n)* +at .*recorder\.test\.ts/);
    expect(out).toMatch(/├─ unwinding +\d+ ms {2}timeout/);
    expect(out).toContain("The chart of this version takes the same path.");
  });

  it("--json is the recording and whether the chart still goes that way", async () => {
    const { path, flight } = await kept();
    const { code, out } = await shell.run(["replay", path, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ ...flight, rerun: { same: true } });
  });

  it("names the first event after which the chart of this version is elsewhere", async () => {
    const { path, flight } = await kept();
    const entries = flight.entries.map((entry) =>
      entry.kind === "step" && entry.event.type === "run" ? { ...entry, path: "stopped" } : entry,
    );
    writeFileSync(path, JSON.stringify({ ...flight, entries }));
    const { out } = await shell.run(["replay", path]);
    expect(out).toContain("takes another path: 'run' led to stopped then, and leads to running now.");
  });

  it("--test node is a test that runs and passes", async () => {
    const { path } = await kept();
    const { code, out } = await shell.run(["replay", path, "--test", "node"]);
    expect(code).toBe(0);
    const place = mkdtempSync(join(root, "test", ".replay-"));
    try {
      const file = join(place, "recorded.test.mjs");
      writeFileSync(file, out);
      const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
      const { stdout } = await promisify(execFile)(process.execPath, ["--test", "--test-reporter=tap", file], { cwd: root, env });
      expect(stdout).toContain("# pass 1");
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });

  it("--test vitest is one for vitest", async () => {
    const { path, flight } = await kept();
    const { out } = await shell.run(["replay", path, "--test", "vitest"]);
    expect(out).toBe(testText(flight, "vitest"));
    expect(out).toContain('import { expect, test } from "vitest";');
  });

  it("shows a service that was cut by a signal, and control characters do no harm", async () => {
    const { path, flight } = await kept();
    writeFileSync(path, JSON.stringify({ ...flight, service: "\u001b[2Jevil", end: null, path: "stopping.unwinding" }));
    const { out } = await shell.run(["replay", path]);
    expect(out).toContain("no end is recorded: it was in stopping.unwinding");
    expect(out).not.toContain("\u001b");
  });
});

describe("what is no recording is refused with one line, and exit 2", () => {
  const whole = () => lived({ run: () => {} });
  it.each<[string, (flight: FlightRecording) => unknown, RegExp]>([
    ["a text", () => "hello", /its format is not 'stargazer\.flight\/1'/],
    ["null", () => null, /its format is not/],
    ["another version", (flight) => ({ ...flight, format: "stargazer.flight/2" }), /its format is not/],
    ["no entries", ({ entries: _, ...rest }) => rest, /entries must be a list/],
    ["a wrong entry", (flight) => ({ ...flight, entries: [{ kind: "step", at: "now" }] }), /entries\[0\]\.at must be a time/],
    ["a time that is none", (flight) => ({ ...flight, writtenAt: 1e300 }), /writtenAt must be a time in ms since the epoch/],
    ["an entry of no kind", (flight) => ({ ...flight, entries: [{}] }), /entries\[0\]\.kind must be one of step, fact/],
    [
      "an event without a type",
      (flight) => ({ ...flight, entries: [{ kind: "step", at: 1, offsetMs: 1, path: "x", event: {} }] }),
      /event must be an object with a type/,
    ],
    [
      "wrong settings",
      (flight) => ({ ...flight, settings: { ...flight.settings, pingAttempts: "3" } }),
      /settings\.pingAttempts must be a number/,
    ],
    ["a wrong phase", (flight) => ({ ...flight, phases: [{ phase: 1 }] }), /phases\[0\]\.phase must be a text/],
    ["a wrong end", (flight) => ({ ...flight, end: { outcome: "failed" } }), /end\.reason must be a text/],
  ])("%s", async (_, change, problem) => {
    const json = JSON.stringify(change(JSON.parse(JSON.stringify(await whole())) as FlightRecording));
    expect(() => parseFlight(json, "it.json")).toThrow(problem);
  });

  it.each<[string, string[], RegExp]>([
    ["no file", [], /name one file/],
    ["two files", ["a", "b"], /name one file/],
    [
      "a file that is not there",
      ["no-such.json"],
      /SG_ERR_CONFIG_INVALID no-such\.json is not there\. A failed stop names its file in the log\./,
    ],
    ["a service without its instance", ["orders"], /there is no file orders; for an instance of a fleet write orders\/INSTANCE/],
    ["a folder", [".."], /cannot be read: EISDIR/],
    ["something else", ["package.json"], /package\.json is no flight recording: its format is not/],
    ["no JSON", ["README.md"], /README\.md is no flight recording: it is not JSON/],
    ["an unknown option", ["a", "--jsn"], /unknown option --jsn/],
    ["a style without a name", ["a", "--test"], /--test needs a value/],
    ["an unknown style", ["a", "--test", "mocha"], /unknown test style "mocha": use node or vitest/],
  ])("%s", async (_, args, problem) => {
    const { code, out, err } = await shell.run(["replay", ...args]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(problem);
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  it("a test of a life whose beginning is gone", async () => {
    const path = join(folder, "late.json");
    writeFileSync(path, JSON.stringify({ ...(await whole()), dropped: 3 }));
    const { code, err } = await shell.run(["replay", path, "--test", "node"]);
    expect(code).toBe(2);
    expect(err).toContain("has lost its first 3 entries, and a test needs the whole life");
  });
});
