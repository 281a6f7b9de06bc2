/** Reading what comes from outside. */
import { describe, expect, it } from "vitest";
import type { Reader } from "../src/schema.ts";
import * as schema from "../src/schema.ts";
import { anyJson, flag, list, Misfit, nullable, number, object, oneOf, optional, text, time } from "../src/schema.ts";

const readJson = <T>(json: string, read: Reader<T>, bytes = 1_000_000): T => schema.readJson(json, { bytes, read });

const whole = object({
  name: text(5),
  at: time,
  kind: oneOf(["a", "b"]),
  items: list(object({ size: number }), 2),
  more: optional(flag),
  none: nullable(number),
  free: optional(anyJson(2)),
});
const fits = { name: "x", at: 1, kind: "a", items: [{ size: 1 }], none: null };

describe("F54: what is read", () => {
  it("is made of the fields that are named, and no other", () => {
    const json = JSON.stringify({ ...fits, more: true, extra: 1, items: [{ size: 2, extra: 1 }] });
    expect(readJson(json, whole)).toEqual({ ...fits, more: true, items: [{ size: 2 }] });
  });

  it.each<[string, unknown, string]>([
    ["a list in place of an object", [], "it must be an object"],
    ["null", null, "it must be an object"],
    ["no field", {}, "name must be a text"],
    ["a number in place of a text", { ...fits, name: 5 }, "name must be a text"],
    ["a text that is too long", { ...fits, name: "123456" }, "name must be a text of at most 5 characters"],
    ["a time that no date can hold", { ...fits, at: 9e15 }, "at must be a time in ms since the epoch"],
    ["an unknown word", { ...fits, kind: "c" }, "kind must be one of a, b"],
    ["too many items", { ...fits, items: [1, 2, 3] }, "items must be a list of at most 2"],
    ["a wrong item", { ...fits, items: [{ size: 1 }, { size: "2" }] }, "items[1].size must be a number"],
    ["a wrong optional field", { ...fits, more: "yes" }, "more must be true or false"],
    ["a wrong nullable field", { ...fits, none: "" }, "none must be a number"],
    [
      "free JSON with a key that sets a prototype",
      JSON.parse(`${JSON.stringify({ ...fits }).slice(0, -1)},"free":{"__proto__":{}}}`),
      "without __proto__",
    ],
    ["free JSON that is too deep", { ...fits, free: { a: { b: { c: 1 } } } }, "free must be of at most 2 levels"],
  ])("is refused where it is %s", (_, value, problem) => {
    expect(() => readJson(JSON.stringify(value), whole)).toThrow(problem);
  });

  it("is refused unparsed where it has more bytes than are read", () => {
    expect(readJson('"é"', text(), 4)).toBe("é");
    expect(() => readJson('"éé"', text(), 4)).toThrow("it has more than 4 bytes");
    expect(() => readJson("[[[[[[", text(), 4)).toThrow("it has more than 4 bytes");
  });

  it.each<[string, Reader<unknown>]>([
    ["no JSON", whole],
    ["__proto__ as a field", object({ toString: text() })],
  ])("is refused where it is %s, with a Misfit", (json, reader) => {
    expect(() => readJson(json.startsWith("_") ? '{"__proto__":{"toString":"x"}}' : json, reader)).toThrow(Misfit);
  });

  it("may be nested 200,000 levels deep without more harm than a refusal", () => {
    const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    expect(() => readJson(`{"free":${deep}}`, object({ free: anyJson(4) }))).toThrow("free must be of at most 4 levels");
  });
});
