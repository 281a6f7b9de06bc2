/** The cause that the log of a service ends with. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { causeInLog } from "../../src/fleet/logs.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sg-logs-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const causeIn = (text: string): string => {
  const file = join(folder, "web.log");
  writeFileSync(file, text);
  return causeInLog(file);
};

describe("F57: the last line of a log, which is the cause of a service that was given up", () => {
  it("is a line of text as it is", () => {
    expect(causeIn("first\nError: no luck\n\n")).toBe("Error: no luck");
    expect(causeIn("")).toBe("");
    expect(causeIn("x".repeat(600))).toHaveLength(500);
  });

  it.each([
    [
      { level: "error", time: "2026", type: "failed", msg: "onStart failed", error: { message: "no luck" } },
      "onStart failed: no luck",
    ],
    [{ level: 50, message: "as winston has it", reason: "no luck" }, "as winston has it: no luck"],
    [{ msg: "as pino has it", err: { message: "no luck" } }, "as pino has it: no luck"],
    [{ type: "job.failed", reason: "no luck", error: "no luck" }, "job.failed: no luck"],
  ])("is the words of a line of JSON, %j", (line, words) => {
    expect(causeIn(`more\n${JSON.stringify(line)}\n`)).toBe(words);
  });

  it.each([
    ["Error: no luck\n    at load (file:///app/a.js:3:9)", "Error: no luck"],
    [
      "file:///app/a.js:3\n  throw Object.assign(x);\n  ^\n\nTypeError [ERR_X]: no luck\n    at a:3 {\n  code: 'ERR_X'\n}",
      "TypeError [ERR_X]: no luck",
    ],
    ["node:internal:1\n    throw 'no luck';\n    ^\nno luck\n(Use `node --trace-uncaught ...` to show where)", "no luck"],
  ])("is the error of a Node that crashed, without its frames: %j", (text, words) => {
    expect(causeIn(`{"msg":"starting"}\n${text}\n\nNode.js v22.1.0\n`)).toBe(words);
  });

  it.each(['{"level":3}', "[1]", "17", "{half"])("is %s as it is, where it has no words", (line) => {
    expect(causeIn(line)).toBe(line);
  });

  it("is the reason why there is no log", () => {
    expect(causeInLog(join(folder, "missing.log"))).toContain("ENOENT");
  });
});
