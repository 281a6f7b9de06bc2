/**
 * The form of the journal's messages in Redis. A message has fields in one order, so that a stream stores their names once a node; its
 * items are JSON: `[kind, ago, ...values]` each, with the values in the order below. `ago`: ms between the thing and the sending.
 */
import type { JournalItem, JournalItemKind } from "./item.ts";

/** bytes of the items of one message, and how many there are */
export const itemsLimitBytes = 4096;
export const itemsLimit = 64;
/** characters of a reason or a text; of a path, the name of an event, a phase or a leadership */
export const textLimit = 500;
export const nameLimit = 250;
/** failures and steps in a goodbye */
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
  goodbye: ["outcome", "reason", "failures", "steps"],
  expired: ["state", "version"],
  exited: ["exitCode", "signal", "nextTryAt", "tries", "cause"],
};

/** What is written: an item, with `at` by the writer's own clock. */
export const wireItem = (item: JournalItem, now: number): readonly unknown[] => [
  item.kind,
  Math.max(0, Math.round(now - item.at)),
  ...wireOrder[item.kind].map((field) => (item as unknown as Record<string, unknown>)[field]),
];

/** The fields of a message, in their order. */
export interface WireMessage {
  readonly service: string;
  readonly instance: string;
  readonly incarnation: number;
  readonly boot: string;
  readonly version: string;
  /** JSON within the limits */
  readonly items: string;
}

/** The arguments of XADD behind the id. */
export const wireFields = ({ service, instance, incarnation, boot, version, items }: WireMessage): string[] => [
  "service",
  service,
  "instance",
  instance,
  "incarnation",
  String(incarnation),
  "boot",
  boot,
  "version",
  version,
  "items",
  items,
];
