/** What travels on the streams, and the gate that every entry has to pass: whatever else is found in one is never acted upon. */
import type { Parsed, RawFields } from "../../streams/fields.ts";

/** A message from a platform. Times in ms since the epoch. */
export interface Inbound {
  /** unique and given once, where the message is accepted: a redelivered message keeps it */
  readonly id: string;
  readonly platform: string;
  /** the conversation within its platform */
  readonly channel: string;
  readonly author: string;
  readonly text: string;
  readonly at: number;
}

/** An answer to a platform. */
export interface Outbound {
  readonly id: string;
  readonly platform: string;
  readonly channel: string;
  readonly text: string;
  /** the id of the message that it answers */
  readonly to: string;
  readonly at: number;
}

export const maxTextBytes = 16 * 1024;
const maxNameBytes = 200;
const maxFields = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f]/;

/** Each rule answers with what is wrong, or with undefined. */
type Rule = (name: string, value: string) => string | undefined;

const isName: Rule = (name, value) => {
  if (value === "") return `${name} is empty`;
  if (Buffer.byteLength(value) > maxNameBytes) return `${name} is longer than ${maxNameBytes} bytes`;
  return control.test(value) ? `${name} has control characters` : undefined;
};
/** short enough that an id can be made from it */
const isId: Rule = (name, value) => (Buffer.byteLength(value) > 128 ? `${name} is longer than 128 bytes` : isName(name, value));
const isPlatform: Rule = (name, value) => (/^[a-z0-9-]{1,32}$/.test(value) ? undefined : `${name} is not a platform's name`);
const isText: Rule = (name, value) => {
  if (value.trim() === "") return `${name} is empty`;
  return Buffer.byteLength(value) > maxTextBytes ? `${name} is longer than ${maxTextBytes} bytes` : undefined;
};
const isTime: Rule = (name, value) => (/^\d{1,15}$/.test(value) ? undefined : `${name} is not a time in ms`);

const inboundRules = { id: isId, platform: isPlatform, channel: isName, author: isName, text: isText, at: isTime };
const outboundRules = { id: isName, platform: isPlatform, channel: isName, text: isText, to: isId, at: isTime };
type Rules = Readonly<Record<string, Rule>>;

/** The text of the fields that the rules name; the others are not looked at, a name that comes twice is refused. */
const readFields = (raw: RawFields, rules: Rules): Parsed<Map<string, string>> => {
  if (raw.length > 2 * maxFields) return { ok: false, reason: `it has more than ${maxFields} fields` };
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = decoded(raw[at]!);
    if (name === undefined || !Object.hasOwn(rules, name)) continue;
    const value = raw[at + 1]!.length > maxTextBytes ? undefined : decoded(raw[at + 1]!);
    if (fields.has(name)) return { ok: false, reason: `${name} is there twice` };
    if (value === undefined) return { ok: false, reason: `${name} is too long or not UTF-8` };
    fields.set(name, value);
  }
  return { ok: true, value: fields };
};

const firstProblem = (fields: ReadonlyMap<string, string>, rules: Rules): string | undefined => {
  for (const [name, rule] of Object.entries(rules)) {
    const value = fields.get(name);
    const problem = value === undefined ? `${name} is missing` : rule(name, value);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

const parser =
  <T>(rules: Rules) =>
  (raw: RawFields): Parsed<T> => {
    const fields = readFields(raw, rules);
    if (!fields.ok) return fields;
    const reason = firstProblem(fields.value, rules);
    if (reason !== undefined) return { ok: false, reason };
    const entries = [...fields.value].map(([name, value]) => [name, name === "at" ? Number(value) : value]);
    return { ok: true, value: Object.fromEntries(entries) as T };
  };

/** Total: hostile bytes give a reason, never an exception. */
export const parseInbound: (raw: RawFields) => Parsed<Inbound> = parser<Inbound>(inboundRules);
export const parseOutbound: (raw: RawFields) => Parsed<Outbound> = parser<Outbound>(outboundRules);

/** What is wrong with an envelope that is about to be written, or undefined. */
export const problemOf = (envelope: Inbound | Outbound): string | undefined =>
  firstProblem(
    new Map(Object.entries(envelope).map(([name, value]) => [name, String(value)])),
    "to" in envelope ? outboundRules : inboundRules,
  );

/** The envelope as an entry's fields. */
export const toFields = (envelope: Inbound | Outbound): string[] =>
  Object.entries(envelope).flatMap(([name, value]) => [name, String(value)]);
