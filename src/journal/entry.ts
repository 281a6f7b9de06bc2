/** A message of the journal: what happened to one instance in one turn of its event loop. */
import type { InstanceName } from "../registry/entry.ts";
import { isTime } from "../registry/entry.ts";
import { nameProblem } from "../registry/names.ts";
import type { Reader } from "../schema.ts";
import { fitting, flag, list, nullable, number, object, oneOf, readJson, text } from "../schema.ts";
import type { JournalItem, JournalItemKind } from "./item.ts";
import { failuresLimit, itemsLimit, itemsLimitBytes, nameLimit, stepsLimit, textLimit, wireOrder } from "./wire.ts";

export type { JournalItem } from "./item.ts";

/** One message of the journal. */
export interface JournalEntry extends InstanceName {
  /** the id in the stream */
  readonly id: string;
  /** when Redis took it, ms since the epoch by its clock */
  readonly at: number;
  /** 0 before the boot has drawn one */
  readonly incarnation: number;
  /** hexadecimal, as in the registry entry; empty where a parent writes of an instance whose boot it does not know */
  readonly boot: string;
  readonly version: string;
  readonly items: readonly JournalItem[];
}

const name = text(nameLimit);
const words = text(textLimit);
const isMs = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 8.64e15;
const ms = fitting(isMs, "ms");
const count: Reader<number> = fitting(
  (value): value is number => Number.isSafeInteger(value) && (value as number) >= 0,
  "a count",
);
const steps: Reader<Readonly<Record<string, number>>> = fitting((value): value is Readonly<Record<string, number>> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= stepsLimit && entries.every(([key, own]) => key.length <= nameLimit && key !== "__proto__" && isMs(own))
  );
}, "ms by phase");

type Readers<Kind extends JournalItemKind> = {
  readonly [Field in Exclude<keyof Extract<JournalItem, { kind: Kind }>, "at" | "kind">]: Reader<
    Extract<JournalItem, { kind: Kind }>[Field]
  >;
};

const readers: { readonly [Kind in JournalItemKind]: Readers<Kind> } = {
  step: { path: name, event: name },
  began: { phase: name, deadlineMs: nullable(ms) },
  ended: { phase: name, outcome: name, ms },
  fact: { type: name, level: oneOf(["info", "warn", "error"]), text: words },
  ready: { ready: flag, reason: words },
  waits: { what: words, deadlineMs: nullable(ms) },
  leads: { name, leads: flag },
  lost: { count },
  counted: { phases: count },
  end: {
    outcome: name,
    reason: words,
    failures: list(object({ phase: name, code: name, message: words }), failuresLimit),
    steps,
  },
  expired: { state: name, version: name },
  exited: { exitCode: nullable(number), signal: nullable(name), nextTryAt: nullable(ms), tries: count, cause: words },
};

/** Undefined for an item of an unknown kind. Throws for an invalid one of a known kind, and then the whole message is left out. */
const readItem = (value: unknown, arrivedAt: number): JournalItem | undefined => {
  const [kind, ago, ...values] = list((each) => each, 8)(value, "item");
  if (typeof kind !== "string" || !Object.hasOwn(readers, kind)) return undefined;
  const own = readers[kind as JournalItemKind] as Readonly<Record<string, Reader<unknown>>>;
  const fields = wireOrder[kind as JournalItemKind].map((field, at) => [field, own[field]!(values[at], field)]);
  return { at: Math.max(0, arrivedAt - ms(ago, "ago")), kind, ...Object.fromEntries(fields) } as JournalItem;
};

/** fields of a message, and bytes of each field except `items` */
const maxFields = 16;
const maxFieldBytes = 512;

const isBounded = (fields: readonly Uint8Array[]): boolean =>
  fields.length <= 2 * maxFields && fields.every(({ length }, at) => length <= (at % 2 === 0 ? maxFieldBytes : itemsLimitBytes));

/** Reads a message of the stream. Undefined for one beyond the limits, or one that no journal writes; it never throws. */
export const parseMessage = (id: string, fields: readonly Uint8Array[]): JournalEntry | undefined => {
  const at = Number(/^(\d{1,16})-\d{1,20}$/.exec(id)?.[1]);
  if (!isTime(at) || !isBounded(fields)) return undefined;
  const texts = fields.map((field) => Buffer.from(field.buffer, field.byteOffset, field.length).toString());
  const of = (field: string): string => texts[texts.findIndex((each, place) => place % 2 === 0 && each === field) + 1] ?? "";
  const [service, instance, boot, version] = [of("service"), of("instance"), of("boot"), of("version")];
  if (nameProblem("service", service) !== undefined || nameProblem("instance", instance) !== undefined) return undefined;
  const incarnation = Number(of("incarnation"));
  if (!Number.isSafeInteger(incarnation) || incarnation < 0) return undefined;
  if (!/^[\da-f]{0,64}$/.test(boot) || version.length > nameLimit) return undefined;
  const items = parseItems(of("items"), at);
  return items && { id, at, service, instance, incarnation, boot, version, items };
};

const parseItems = (json: string, arrivedAt: number): readonly JournalItem[] | undefined => {
  const read = list((value) => readItem(value, arrivedAt), itemsLimit);
  try {
    return readJson(json, { bytes: itemsLimitBytes, read }).filter((item) => item !== undefined);
  } catch {
    return undefined;
  }
};
