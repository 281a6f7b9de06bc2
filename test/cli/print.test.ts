/** What the CLI prints: its own colours, and nothing else that a terminal obeys. */
import { createServer } from "node:net";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBoard } from "../../src/cli/board.ts";
import { own, print, printError, printJson, printPart, redraw } from "../../src/cli/print.ts";
import { paintFor, table } from "../../src/cli/terminal.ts";
import { createLogger } from "../../src/logger.ts";
import { endCli, openShell } from "../kit/cli.ts";

const signs = (...ranges: [number, number][]): string[] =>
  ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, at) => String.fromCodePoint(from + at)));
/** C0 and C1, line and paragraph separators, marks and controls of direction, joiners, tags, a half of a character */
const harmful = [
  ...signs([0x00, 0x1f], [0x7f, 0x9f], [0x2028, 0x202e], [0x2060, 0x2069], [0x200b, 0x200f], [0xe0020, 0xe0022]),
  "\u00ad",
  "\ufeff",
  "\u061c",
  "\ud800",
];
const isHarmful = (text: string) => /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(text);
const attack = harmful.join("x");

let printed: string[];
beforeEach(() => {
  printed = [];
  const keep = (text: unknown) => void printed.push(String(text));
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
  vi.spyOn(process.stdout, "write").mockImplementation((text) => (keep(text), true));
});
afterEach(() => vi.restoreAllMocks());

describe("F53: what is printed", () => {
  const outputs: [string, (text: string) => void][] = [
    ["print", print],
    ["printError", printError],
    ["printPart", printPart],
    ["printJson", (text) => printJson({ [text]: [text] })],
  ];
  it.each(outputs)("by %s has no character that a terminal obeys or hides", (_name, output) => {
    output(`before ${attack} after`);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toContain("before ");
    expect(isHarmful(printed[0]!)).toBe(false);
  });

  it("as a list is one line for each of its texts, whatever breaks are in them", () => {
    print(["one\ntwo\r\nthree", "four\u2028five"]);
    expect(printed).toEqual(["one two three\nfour five"]);
  });

  it("as JSON means the same", () => {
    const value = { [attack]: [attack, 5, null] };
    printJson(value, 2);
    expect(JSON.parse(printed[0]!)).toEqual(value);
  });

  it("keeps letters, marks and signs of all scripts", () => {
    const text = "ümlaut 日本語 עברית e\u0301 🚀 ● ✓ ├─ %s %o";
    print(text);
    expect(printed).toEqual([text]);
  });

  it("keeps the CLI's own colours, and takes colours from what they enclose", () => {
    print(paintFor({ isTTY: true })("red", `a\u001b[32mb${attack}`));
    expect(printed[0]).toMatch(/^\p{Cc}\[31ma\[32mb.*\p{Cc}\[0m$/u);
    expect(isHarmful(printed[0]!.slice("?[31m".length, -"?[0m".length))).toBe(false);
  });

  it("takes no other sequence for its own, and none whose ends do not fit", () => {
    print([own("\u001b]0;title\u0007"), `${own("\u001b[31m").slice(0, -1)}\u001b[2J`, `a${own("\u001b[31m")}`.slice(3)]);
    expect(isHarmful(printed[0]!.replaceAll("\n", ""))).toBe(false);
  });

  it("in a table is as wide as it is measured", () => {
    print(
      table([
        ["NAME", "X"],
        [`${attack}`, "1"],
      ]),
    );
    const [head, row] = printed[0]!.split("\n");
    expect(head!.indexOf("X")).toBe(row!.lastIndexOf("1"));
  });

  it("on the board is cleaned, in its rows as in the lines above", () => {
    const texts: string[] = [];
    const view = { tier: "a", state: "running", phase: `running.${attack}`, since: 0, pid: 1, restarts: 0, trouble: attack };
    const service = { name: "a", healthPort: 1, port: undefined, ...view } as const;
    const board = createBoard({ isTTY: true, columns: 400, write: (text) => texts.push(text) }, () => 0);
    board.write({ type: "service.changed", service } as never);
    board.write({ type: "notice", message: attack });
    board.close();
    const withoutOwn = texts
      .join("")
      .replace(/[\r\n]/g, "")
      .split(/\p{Cc}\[\d*[AJm]/u)
      .join("");
    expect(withoutOwn).toContain("running");
    expect(isHarmful(withoutOwn)).toBe(false);
  });

  it("over lines that are there goes up exactly their number", () => {
    const texts: string[] = [];
    redraw({ write: (text) => texts.push(text) }, 2, ["a", "b"]);
    redraw({ write: (text) => texts.push(text) }, 0, ["c"]);
    expect(texts).toEqual(["\u001b[2A\r\u001b[Ja\nb\n", "c\n"]);
  });

  it("by a service's logger is JSON with such characters escaped", () => {
    const lines: string[] = [];
    createLogger({}, { write: (line) => void lines.push(line) }).info({ reason: attack }, attack);
    expect(isHarmful(lines[0]!.slice(0, -1))).toBe(false);
    expect(JSON.parse(lines[0]!)).toMatchObject({ reason: attack, msg: attack });
  });
});

describe("F53: a Redis that answers with control sequences", () => {
  const shell = openShell();
  afterEach(endCli);
  afterAll(() => shell.remove());

  it.each([["fleet"], ["fleet", "--watch"], ["inspect", "a"], ["chat", "--once", "a"], ["up", "--json"]])(
    "%s prints an error without them",
    async (...args) => {
      const error = "-ERR refused \u001b]0;title\u0007 \u001b[2J \u009b2J \u202e gpj.exe\r\n";
      const server = createServer((socket) => {
        const commandsIn = (data: Buffer) => String(data).match(/^\*\d+\r$/gm)?.length ?? 1;
        socket.on("data", (data) => socket.write(error.repeat(commandsIn(data)))).on("error", () => {});
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as { port: number };
      const { code, out, err } = await shell.run([...args, "--redis", `redis://127.0.0.1:${port}`]);
      server.close();
      expect(code).toBe(1);
      expect(err).toContain("refused");
      expect(isHarmful(`${out}${err}`.replaceAll("\n", ""))).toBe(false);
    },
  );
});
