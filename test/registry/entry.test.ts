/** The registry entry as text: what is written, and which texts are accepted. */
import { describe, expect, it } from "vitest";
import type { RegistryEntry } from "../../src/registry/entry.ts";
import { entryText, parseEntry } from "../../src/registry/entry.ts";
import { registryEntry } from "../kit/registry-entry.ts";

const entry = { ...registryEntry, metadata: { list: [] } };
const name = { service: "svc", instance: "one" };
const parsed = (change: object) => parseEntry(JSON.stringify({ ...entry, ...change }), name);

describe("the entry", () => {
  it("is written with incarnation and boot first, and read as it was", () => {
    const shuffled = Object.fromEntries(Object.entries({ ...entry, extra: 1 }).reverse()) as unknown as RegistryEntry;
    expect(entryText(shuffled)).toBe(JSON.stringify(entry));
    expect(entryText(entry)).toMatch(/^\{"incarnation":42,"boot":"00ff",/);
    expect(parseEntry(entryText(entry), name)).toEqual(entry);
  });

  it("has metadata of at most 4096 bytes of JSON", () => {
    const carrying = (bytes: number) => ({ ...entry, metadata: { x: "x".repeat(bytes - '{"x":""}'.length) } });
    expect(parseEntry(entryText(carrying(4096)), name)).toEqual(carrying(4096));
    expect(() => entryText(carrying(4097))).toThrow(
      expect.objectContaining({ code: "SG_ERR_REGISTRY", message: expect.stringContaining("it has 4097") }),
    );
  });

  it("has at most 8192 bytes, written and read", () => {
    const versioned = (bytes: number) => {
      const empty = Buffer.byteLength(JSON.stringify({ ...entry, version: "" }));
      return { ...entry, version: "v".repeat(bytes - empty) };
    };
    expect(parseEntry(entryText(versioned(8192)), name)).toEqual(versioned(8192));
    expect(() => entryText(versioned(8193))).toThrow(
      expect.objectContaining({ code: "SG_ERR_REGISTRY", message: expect.stringContaining("it has 8193") }),
    );
    expect(parseEntry(JSON.stringify(versioned(8193)), name)).toBeUndefined();
  });

  it("has metadata of at most 32 levels, written and read", () => {
    const deep = (levels: number) => ({ ...entry, metadata: { x: JSON.parse("[".repeat(levels - 1) + "]".repeat(levels - 1)) } });
    expect(parseEntry(entryText(deep(32)), name)).toEqual(deep(32));
    expect(() => entryText(deep(33))).toThrow("at most 32 levels");
    expect(parseEntry(JSON.stringify(deep(33)), name)).toBeUndefined();
  });

  it("has times that a date can hold", () => {
    const latest = 8.64e15;
    expect(parsed({ startedAt: latest, since: latest })).toMatchObject({ startedAt: latest, since: latest });
    expect([parsed({ startedAt: latest + 1 }), parsed({ since: latest + 1 })]).toEqual([undefined, undefined]);
  });

  it.each([
    { status: "starting" },
    { status: "healthy" },
    { status: "stopping" },
    { health: null },
    { incarnation: 0, startedAt: 0, since: 0, pid: 0 },
    { metadata: {} },
    { later: "a field that we do not know" },
  ])("an entry with %j is accepted", (change) => {
    expect(parsed(change)).toMatchObject(change);
  });

  it.each([
    { service: "other" },
    { instance: "two" },
    { status: "stopped" },
    { status: 1 },
    ...["incarnation", "startedAt", "since", "pid"].flatMap((field) =>
      [-1, 0.5, "7", null, 2 ** 53].map((value) => ({ [field]: value })),
    ),
    ...["boot", "host", "version"].flatMap((field) => [1, null].map((value) => ({ [field]: value }))),
    ...[1, "there", [], {}, { host: "x" }, { port: 1 }, { host: 1, port: 1 }, { host: "x", port: -1 }].map((health) => ({
      health,
    })),
    ...[null, [], 1, "x"].map((metadata) => ({ metadata })),
  ])("an entry with %j is refused", (change) => {
    expect(parsed(change)).toBeUndefined();
  });

  it.each(["", "no json", "[]", "null", "7", "{}"])("the text %j is refused", (text) => {
    expect(parseEntry(text, name)).toBeUndefined();
  });
});
