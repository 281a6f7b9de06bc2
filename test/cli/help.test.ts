/** The help of each command, on terminals of several widths and in a pipe. */
import { afterEach, describe, expect, it } from "vitest";
import { helpOf, overviewOf } from "../../src/cli/help.ts";
import { inspect } from "../../src/cli/inspect.ts";
import { up } from "../../src/cli/up.ts";

const stdout = process.stdout as { isTTY?: boolean; columns?: number };
const { isTTY, columns } = stdout;
afterEach(() => void Object.assign(stdout, { isTTY, columns }));
const at = (width: number | undefined) => Object.assign(stdout, { isTTY: width !== undefined, columns: width });

describe("the help of a command", () => {
  it.each([80, 100, 160])("has no line beyond a terminal of %i columns, and loses no word", (width) => {
    at(undefined);
    const words = helpOf(up).join(" ").split(/\s+/);
    at(width);
    const lines = helpOf(up);
    expect(lines.filter((line) => line.length > width)).toEqual([]);
    expect(lines.join(" ").split(/\s+/)).toEqual(words);
  });

  it("has one line for each option in a pipe", () => {
    at(undefined);
    expect(helpOf(inspect).filter((line) => line.startsWith("  --redis URL"))).toHaveLength(1);
    expect(helpOf(inspect)).toHaveLength(4 + inspect.details.length);
    expect(overviewOf([inspect, up]).filter((line) => /^ {2}(?:inspect|up) /.test(line))).toHaveLength(2);
  });
});
