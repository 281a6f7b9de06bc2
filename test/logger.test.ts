/** The log that a service has by default: a line of JSON a fact, also for values that are no JSON, or text for a terminal. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ErrorCode } from "../src/errors.ts";
import { StargazerError } from "../src/errors.ts";
import type { LoggerOptions } from "../src/logger.ts";
import { createLogger } from "../src/logger.ts";

type Log = (logger: ReturnType<typeof createLogger>) => void;
const textOf = (log: Log, options: LoggerOptions = {}): string => {
  let text = "";
  const write = (line: string) => {
    text += line;
  };
  log(createLogger({ service: "svc", instance: "one" }, { write, isReadable: false, ...options }));
  return text;
};
const linesOf = (log: Log, options?: LoggerOptions): Record<string, unknown>[] =>
  textOf(log, options)
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

it("has the service, the time, the level and the fact; debug is not written", () => {
  const lines = linesOf((log) => {
    log.debug({ type: "quiet" });
    log.warn({ type: "odd", n: 1 }, "in words");
  });
  expect(lines).toEqual([
    { level: "warn", time: expect.any(String), service: "svc", instance: "one", type: "odd", n: 1, msg: "in words" },
  ]);
});

const nested = () => {
  const cause = Object.assign(new TypeError("torn"), { code: "E_TORN" });
  return new StargazerError("SG_ERR_RUN_FAILED", "run failed: torn", { phase: "running", cause });
};

it("an error has its name, code, message and stack, and so has each of its causes", () => {
  const [line] = linesOf((log) => log.error({ err: nested() }, "in words"));
  const stack = expect.stringContaining("logger.test");
  expect(line?.err).toEqual({
    name: "StargazerError",
    code: "SG_ERR_RUN_FAILED",
    message: "run failed: torn",
    stack,
    cause: { name: "TypeError", code: "E_TORN", message: "torn", stack },
  });
});

it("a chain of causes, a stack and a message are bounded, and a circle of causes has an end", () => {
  const deep = Array.from({ length: 50 }).reduce<Error>((cause) => new Error("x".repeat(9000), { cause }), new Error("first"));
  const circle = new Error("round");
  circle.cause = circle;
  const [line, round] = linesOf((log) => {
    log.error({ err: deep });
    log.error({ err: circle });
  });
  expect(JSON.stringify(line).length).toBeLessThan(40_000);
  expect(round?.err).toMatchObject({ message: "round", cause: { message: "round" } });
});

it("an AggregateError has its errors", () => {
  const [line] = linesOf((log) => log.error({ err: new AggregateError([new Error("one"), "two"], "both") }));
  expect(line?.err).toMatchObject({ message: "both", errors: [{ message: "one", stack: expect.any(String) }, "two"] });
});

describe("every line has words", () => {
  it.each([
    ["those of the call", { type: "odd" }, "in words", "in words"],
    ["msg of the fields", { msg: "own" }, undefined, "own"],
    ["the type of the fact", { type: "odd" }, undefined, "odd"],
    ["the message of an error", { err: new Error("torn") }, undefined, "torn"],
    ["an error alone", new Error("torn"), undefined, "torn"],
    ["a text alone, as in plain JavaScript", "torn" as unknown as object, undefined, "torn"],
    ["none", {}, undefined, ""],
  ])("%s", (_, fact, message, msg) => {
    expect(linesOf((log) => log.info(fact, message))).toMatchObject([{ level: "info", msg }]);
  });
});

describe("the level", () => {
  it.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
    ["silent", []],
  ] as const)("%s writes its own lines and those above", (level, written) => {
    const lines = linesOf(
      (log) => {
        for (const at of ["debug", "info", "warn", "error"] as const) log[at]({});
      },
      { level },
    );
    expect(lines.map((line) => line.level)).toEqual(written);
  });
});

describe("on a terminal", () => {
  afterEach(() => void vi.unstubAllEnvs());
  const readable = (log: Log) => {
    vi.stubEnv("NO_COLOR", "1");
    return textOf(log, { isReadable: true });
  };

  it("a line has the time, the level, the service, the words, and the fields that the words lack", () => {
    const text = readable((log) => log.warn({ type: "odd", order: 7, state: "torn", list: [1] }, "it is torn"));
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}warn {3}svc {2}it is torn {2}order=7 {2}list=\[1\]\n$/);
  });

  it("an error is below it, with the stack of each cause", () => {
    const text = readable((log) => log.error({ type: "failed", err: nested() }, "running: run failed: torn"));
    expect(text).toMatch(/run failed: torn\n {4}StargazerError: run failed: torn\n {8}at /);
    expect(text).toMatch(/\n {4}caused by TypeError: torn\n {8}at /);
  });

  it("an error has the frames of the program alone, where there are any, and one of this package has its words alone", () => {
    const own = new URL("../src/service/hooks/hooks.ts:1:1", import.meta.url).href;
    const frames = (...places: string[]) => places.map((place) => `\n    at call (${place})`).join("");
    const stackOf = (error: Error, ...places: string[]) =>
      readable((log) => log.error({ err: Object.assign(error, { stack: `${error.name}: torn${frames(...places)}` }) }, "x"));
    const others = [own, "node:internal/timers:581:17", "file:///srv/node_modules/xstate/dist/a.js:1:1"];
    expect(stackOf(new Error("torn"), "file:///srv/orders.js:7:5", ...others)).toMatch(
      /torn\n +at call \(file:\/\/\/srv\/orders\.js:7:5\)\n$/,
    );
    expect(stackOf(new Error("torn"), ...others).split("\n")).toHaveLength(6);
    expect(stackOf(new StargazerError("SG_ERR_REGISTRY", "torn"), ...others).split("\n")).toHaveLength(3);
  });

  it("the report of a stop does not repeat the error of its failure, except where the chart itself failed", () => {
    const report = (code: ErrorCode) =>
      readable((log) =>
        log.error({ type: "stopped", outcome: "failed", err: new StargazerError(code, "torn") }, "stopped: failed"),
      );
    expect(report("SG_ERR_RUN_FAILED").split("\n")).toEqual([expect.stringContaining("stopped: failed"), ""]);
    expect(report("SG_ERR_INTERNAL")).toContain("StargazerError: torn");
  });

  it("is coloured, unless NO_COLOR is set", () => {
    vi.stubEnv("NO_COLOR", "");
    expect(textOf((log) => log.error({}, "torn"), { isReadable: true })).toContain("\u001b[31merror\u001b[0m");
    expect(readable((log) => log.error({}, "torn"))).not.toContain("\u001b");
  });

  it("no text of a line moves the cursor or adds a line", () => {
    const evil = "\u001b[2Jgone\nnext";
    const text = readable((log) => log.info({ [`k${evil}`]: evil, err: new Error(evil) }, evil));
    expect(text).not.toContain("\u001b");
    expect(text.split("\n")[0]).toContain("[2Jgone next");
  });

  it("what is no JSON costs its own place", () => {
    expect(readable((log) => log.info({ n: 1n }, "big"))).toContain("big  n=1");
  });
});

const cyclic: Record<string, unknown> = { id: 1 };
cyclic.self = cyclic;
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const throwing = {
  id: 1,
  get name() {
    throw new Error("no");
  },
};

it.each([
  ["a big integer", 1n, "1"],
  ["a cycle", cyclic, { id: 1 }],
  ["a revoked proxy", revoked, expect.stringContaining("unreadable")],
  ["a getter that throws", throwing, expect.stringContaining("unreadable")],
])("%s costs its own place, not the line", (_what, value, left) => {
  const [line] = linesOf((log) => log.error({ type: "failed", value }, "in words"));
  expect(line).toMatchObject({ level: "error", service: "svc", type: "failed", msg: "in words", value: left });
});
