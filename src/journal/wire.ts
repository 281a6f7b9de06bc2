/**
 * The form of the journal's messages in Redis. A message has its fields in one order, so that a stream stores their names once a node.
 * Its items are JSON: `[kind, ago, ...values]` each, with the values in the order below. `ago`: ms between the thing and the sending.
 */
import type { BootEnd, JournalItem, JournalItemKind } from "./item.ts";

/** bytes of the items of one message, and how many there are */
export const itemsLimitBytes = 4096;
export const itemsLimit = 64;
/** characters of a reason or a text, of a name (a path, an event, a phase), and of a version */
export const textLimit = 500;
export const nameLimit = 250;
export const versionLimit = 120;
/** failures and steps of an end */
export const failuresLimit = 5;
export const stepsLimit = 16;

type FieldsOf<Kind extends JournalItemKind> = readonly Exclude<keyof Extract<JournalItem, { kind: Kind }>, "at" | "kind">[];

/** The order of the values of an item. */
export const wireOrder: { readonly [Kind in JournalItemKind]: FieldsOf<Kind> } = {
  step: ["path", "event"],
  began: ["phase", "deadlineMs"],
  ended: ["phase", "outcome", "ms"],
  fact: ["type", "level", "text"],
  ready: ["ready", "reason"],
  waits: ["what", "deadlineMs"],
  leads: ["name", "leads"],
  lost: ["count"],
  counted: ["phases"],
  end: ["outcome", "reason", "failures", "steps"],
  expired: ["state", "version"],
  exited: ["exitCode", "signal", "nextTryAt", "tries", "cause"],
};

/** Which boot of which instance a message is about. */
export interface Author {
  readonly service: string;
  readonly instance: string;
  /** 0 while not drawn */
  readonly incarnation: number;
  readonly boot: string;
  readonly version: string;
}

/** The fields of a message as the arguments of XADD behind its id. */
export const wireFields = ({ service, instance, incarnation, boot, version }: Author, items: string): string[] => [
  ...["service", service, "instance", instance, "incarnation", String(incarnation)],
  ...["boot", boot, "version", version.slice(0, versionLimit), "items", items],
];

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** bytes of JSON that one character may take */
const charBytes = 6;

/** Cuts to `limit` characters, and to twice as many bytes of JSON. */
const cut = (text: string, limit: number): string => {
  if (text.length * charBytes + 2 <= 2 * limit) return text;
  let part = text.slice(0, limit);
  while (bytesOf(part) > 2 * limit) part = part.slice(0, part.length / 2);
  return part;
};

/** The first elements: at most `most`, in at most a quarter of the bytes of a message. */
const fitting = <T>(all: readonly T[], most: number): readonly T[] => {
  const some = all.slice(0, most);
  while (bytesOf(some) > itemsLimitBytes / 4) some.pop();
  return some;
};

const fitted = ({ outcome, reason, failures, steps }: BootEnd): BootEnd => {
  const shortened = failures.slice(0, failuresLimit).map(({ phase, code, message }) => ({
    phase: cut(phase, nameLimit),
    code: cut(code, nameLimit),
    message: cut(message, textLimit / 2),
  }));
  return {
    outcome,
    reason,
    failures: fitting(shortened, failuresLimit),
    steps: Object.fromEntries(fitting(Object.entries(steps), stepsLimit)),
  };
};

const texts: ReadonlySet<string> = new Set(["text", "reason", "what", "cause"]);

const wireValue = (field: string, value: unknown): unknown => {
  if (typeof value === "number") return Math.round(value * 1000) / 1000;
  return typeof value === "string" ? cut(value, texts.has(field) ? textLimit : nameLimit) : value;
};

/** The values of an item within the limits. `now`: by the clock of `at`. */
const wireItem = (item: JournalItem, now: number): unknown[] => {
  const own = (item.kind === "end" ? fitted(item) : item) as Readonly<Record<string, unknown>>;
  const values = wireOrder[item.kind].map((field) => wireValue(field, own[field]));
  return [item.kind, Math.max(0, Math.round(now - item.at)), ...values];
};

/** The items as the JSON of messages within the limits: of one, or where that is too long, of those of either half. */
export const wireItems = (items: readonly JournalItem[], now: number): string[] => {
  if (items.length === 0) return [];
  if (items.length <= itemsLimit) {
    const json = JSON.stringify(items.map((item) => wireItem(item, now)));
    if (items.length === 1 || Buffer.byteLength(json) <= itemsLimitBytes) return [json];
  }
  const half = Math.ceil(items.length / 2);
  return [...wireItems(items.slice(0, half), now), ...wireItems(items.slice(half), now)];
};
