/** What the bundles change in packages and in their text. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ascii, commandsAtOnce, modulesAtOnce } from "../../src/build/packages.mjs";

const bundle = fileURLToPath(new URL("../../dist/bundle/", import.meta.url));

describe("ioredis in a bundle", () => {
  it("has no client of a cluster, which no bundle makes", () => {
    const service = readFileSync(join(bundle, "index.js"), "utf8");
    expect(service).toContain("MaxRetriesPerRequestError");
    expect(service).not.toContain("ClusterAllFailedError");
  });
});

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

describe("a CommonJS module in a bundle", () => {
  const chunkOf = (code: string) => ({ type: "chunk", code });

  it("is a function in parentheses, and a bundle without one is refused", () => {
    const some = chunkOf(
      "var a=__commonJSMin((exports=>{exports.a=1})),b=__commonJSMin(((exports,module)=>{module.exports=a()}));",
    );
    modulesAtOnce.generateBundle({}, { some, none: chunkOf("const c=1;") });
    expect(some.code).toBe(
      "var a=__commonJSMin((function(exports){exports.a=1})),b=__commonJSMin((function(exports,module){module.exports=a()}));",
    );
    expect(() => modulesAtOnce.generateBundle({}, { none: chunkOf("const c=1;") })).toThrow("no chunk has a CommonJS module");
  });
});
