/** The log that a service has by default: a line of JSON a fact, also for values that are no JSON. */
import { expect, it } from "vitest";
import { createLogger } from "../src/logger.ts";

const linesOf = (log: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] => {
  let text = "";
  const write = (line: string) => {
    text += line;
  };
  log(createLogger({ service: "svc", instance: "one" }, { write }));
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};

it("has the service, the time, the level and the fact; debug is not written", () => {
  const lines = linesOf((log) => {
    log.debug({ type: "quiet" });
    log.warn({ type: "odd", n: 1 }, "in words");
  });
  expect(lines).toEqual([
    { level: "warn", time: expect.any(String), service: "svc", instance: "one", type: "odd", n: 1, msg: "in words" },
  ]);
});

it("an error has its name, code, message and stack", () => {
  const [line] = linesOf((log) => log.error({ cause: Object.assign(new TypeError("torn"), { code: "E_TORN" }) }));
  expect(line?.cause).toEqual({
    name: "TypeError",
    code: "E_TORN",
    message: "torn",
    stack: expect.stringContaining("logger.test"),
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
