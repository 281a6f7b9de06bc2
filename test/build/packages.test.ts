/** What the bundles change in packages and in their text. */
import { describe, expect, it } from "vitest";
import { ascii, commandsAtOnce } from "../../src/build/packages.mjs";

describe("the methods of ioredis in a bundle", () => {
  it("are added to a prototype that is a dictionary, and a version without the text is refused", () => {
    const file = "node_modules/ioredis/built/utils/Commander.js";
    const adding = "commands.forEach(function (commandName) {";
    expect(commandsAtOnce.transform(`${adding}});`, file)).toMatch(/^Commander\.prototype\.a = .*delete .*commands\.forEach/s);
    expect(() => commandsAtOnce.transform("const commands = [];", file)).toThrow(`no longer has, once, the text ${adding}`);
    expect(commandsAtOnce.transform("", "node_modules/fastify/fastify.js")).toBeNull();
  });
});

describe("the text of a chunk", () => {
  const escapedOf = (code: string): string => {
    const chunk = { type: "chunk", code };
    ascii.generateBundle({}, { chunk });
    return chunk.code;
  };
  const evaluate = (code: string): unknown => new Function(`return ${code}`)();

  it("has ASCII alone, and the same values", () => {
    const code = String.raw`["a…b", '\\→', "µ\n", /^[·—]$/u.test("—"), /^\p{L}😀$/u.test("é😀"), "😀".length]`;
    expect(escapedOf(code)).toMatch(/^[\0-\x7f]+$/);
    expect(evaluate(escapedOf(code))).toEqual(evaluate(code));
  });

  it("is refused with a backslash before such a character", () => {
    expect(() => escapedOf(String.raw`"\…"`)).toThrow("write it without the backslash");
  });
});
