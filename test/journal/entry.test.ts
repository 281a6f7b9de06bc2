/** The reading of a message: what a writer writes is read as it was, and what no writer writes is refused alone. */
import { describe, expect, it } from "vitest";
import { parseMessage } from "../../src/journal/entry.ts";
import type { JournalItem } from "../../src/journal/item.ts";
import { itemsLimit, itemsLimitBytes, wireFields, wireItems } from "../../src/journal/wire.ts";

const author = { service: "orders", instance: "orders-1", incarnation: 7, boot: "ab12", version: "3.1.0" };
const id = "1796009730400-3";
const message = (items: string, own: Partial<typeof author> = {}): Buffer[] =>
  wireFields({ ...author, ...own }, items).map((text) => Buffer.from(text));
/** Of writers whose clock began a second ago. */
const now = 1000;
const read = (items: readonly JournalItem[]): readonly JournalItem[] =>
  wireItems(items, now).flatMap((json) => parseMessage(id, message(json))?.items ?? []);

const everyKind: readonly JournalItem[] = [
  { kind: "step", at: now, path: "starting", event: "xstate.done.actor.pingRedis" },
  { kind: "began", at: now, phase: "starting.model", deadlineMs: 59_000.5 },
  { kind: "ended", at: now, phase: "starting.model", outcome: "failed", ms: 12.345 },
  { kind: "fact", at: now, type: "failed", level: "error", text: "starting: EACCES" },
  { kind: "ready", at: now, ready: false, reason: "the service is in 'starting'" },
  { kind: "waits", at: now, what: "the tier's onStart", deadlineMs: null },
  { kind: "leads", at: now, name: "nightly", leads: true },
  { kind: "lost", at: now, count: 3 },
  { kind: "counted", at: now, phases: 90 },
  {
    kind: "end",
    at: now,
    outcome: "failed",
    reason: "SIGTERM",
    failures: [{ phase: "stopping.unwinding", code: "SG_ERR_STOP_TIMEOUT", message: "late" }],
    steps: { "stopping.announcing": 1.5 },
  },
  { kind: "expired", at: now, state: "running", version: "3.1.0" },
  { kind: "exited", at: now, exitCode: null, signal: "SIGKILL", nextTryAt: 1796009730999, tries: 2, cause: "" },
];

describe("a message", () => {
  it("has every kind of item as it was written, at the times of Redis", () => {
    const arrivedAt = 1_796_009_730_400;
    expect(read(everyKind.map((item) => ({ ...item, at: 750 })))).toEqual(
      everyKind.map((item) => ({ ...item, at: arrivedAt - 250 })),
    );
  });

  it("has the names of its author", () => {
    expect(parseMessage(id, message("[]"))).toEqual({ id, at: 1_796_009_730_400, ...author, items: [] });
  });

  it("leaves out the items of a kind that this version does not know", () => {
    expect(parseMessage(id, message('[["later",0,1],["lost",0,2]]'))?.items).toEqual([
      { kind: "lost", at: 1_796_009_730_400, count: 2 },
    ]);
  });
});

describe("a turn with more than a message takes", () => {
  it("becomes several messages, each within the limits, and nothing is lost", () => {
    const many: JournalItem[] = Array.from({ length: 200 }, (_, at) => ({
      ...{ kind: "fact" as const, at: now, type: "check.failed", level: "warn" as const },
      text: `${at} ${"x".repeat(at % 7 === 0 ? 500 : 10)}`.slice(0, 500),
    }));
    const messages = wireItems(many, now);
    expect(messages.length).toBeGreaterThan(4);
    expect(messages.filter((json) => Buffer.byteLength(json) > itemsLimitBytes)).toEqual([]);
    expect(messages.filter((json) => JSON.parse(json).length > itemsLimit)).toEqual([]);
    expect(read(many).map((item) => item.kind === "fact" && item.text)).toEqual(
      many.map((item) => item.kind === "fact" && item.text),
    );
  });

  it.each(["x", "\u0001", "\u2028", "😀", '"'])("cuts texts of %j, and what is left is read", (sign) => {
    const text = sign.repeat(5000);
    const failures = Array.from({ length: 50 }, () => ({ phase: text, code: text, message: text }));
    const steps = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`${at}${text}`, 1]));
    const items: JournalItem[] = [
      { kind: "fact", at: now, type: text, level: "warn", text },
      { kind: "end", at: now, outcome: "failed", reason: text, failures, steps: {} },
      { kind: "end", at: now, outcome: "failed", reason: "", failures: [], steps },
      { kind: "waits", at: now, what: text, deadlineMs: 0 },
    ];
    expect(wireItems(items, now).filter((json) => Buffer.byteLength(json) > itemsLimitBytes)).toEqual([]);
    expect(read(items).map(({ kind }) => kind)).toEqual(items.map(({ kind }) => kind));
  });
});

describe("refused is a message", () => {
  const valid = '[["lost",0,2]]';
  it.each([
    ["with items beyond the bytes", message(`[${" ".repeat(itemsLimitBytes)}]`)],
    [
      "with too many items",
      message(
        `[${Array(itemsLimit + 1)
          .fill('["lost",0,1]')
          .join()}]`,
      ),
    ],
    ["with items that are no JSON", message("[")],
    ["with items that are no list", message('{"kind":"lost"}')],
    ["with a value of another type", message('[["lost",0,"2"]]')],
    ["with a value that is missing", message('[["step",0,"starting"]]')],
    ["with a time of after it", message('[["lost",-5,2]]')],
    ["with a time that is none", message('[["lost",1e300,2]]')],
    ["with steps that set a prototype", message('[["end",0,"failed","",[],{"__proto__":1}]]')],
    ["with failures of another shape", message('[["end",0,"failed","",[1],{}]]')],
    ["with a text beyond its length", message(`[["fact",0,"a","warn","${"x".repeat(501)}"]]`)],
    ["with a kind of every object", message('[["constructor",0],["toString",0,1]]').slice(0, 2)],
    ["of a service whose name is none", message(valid, { service: "a:b" })],
    ["of an instance without a name", message(valid, { instance: "" })],
    ["with an incarnation that is none", message(valid, { incarnation: -1 })],
    ["with a boot that is no number", message(valid, { boot: "xyz" })],
    ["with a field beyond its bytes", message(valid, { boot: "a".repeat(600) })],
    ["with too many fields", [...message(valid), ...Array(40).fill(Buffer.from("x"))]],
    ["without fields", []],
  ] as [string, Buffer[]][])("%s", (_what, fields) => {
    expect(parseMessage(id, fields)).toBeUndefined();
  });

  it.each(["", "1", "x-1", "99999999999999999-0", "9999999999999999-0"])("whose id is %j", (wrong) => {
    expect(parseMessage(wrong, message(valid))).toBeUndefined();
  });
});
