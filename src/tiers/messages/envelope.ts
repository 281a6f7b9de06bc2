/** The messages on the streams, and the check that every entry passes before it is acted upon. */
import type { Parsed, RawFields } from "../../streams/fields.ts";

/** A message from a platform. Times in ms since the epoch. */
export interface Inbound {
  /** unique; set where the message is accepted, and kept by every redelivery */
  readonly id: string;
  readonly platform: string;
  /** the conversation, unique within its platform */
  readonly channel: string;
  readonly author: string;
  readonly text: string;
  readonly at: number;
  /** the span that has sent it, as W3C's traceparent; absent where nothing traces */
  readonly traceparent?: string;
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
  /** whether it is the responder's answer, or a notice of the system's */
  readonly role: "assistant" | "notice";
  /** the id of its line in the log of the conversation */
  readonly log: string;
  /** the span that has written it, as W3C's traceparent; absent where nothing traces */
  readonly traceparent?: string;
}

/** The longest text, in bytes of UTF-8. */
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
// biome-ignore lint/suspicious/noControlCharactersInRegex: the check is for control characters
const control = /[\u0000-\u001f\u007f]/;

/** Returns the problem of a value, or undefined. */
type Rule = (name: string, value: string) => string | undefined;

const isName: Rule = (name, value) => {
  if (value === "") return `${name} is empty`;
  if (Buffer.byteLength(value) > maxNameBytes) return `${name} is longer than ${maxNameBytes} bytes`;
  return control.test(value) ? `${name} has control characters` : undefined;
};
/** short enough that the id of an answer can be made from it */
const isId: Rule = (name, value) => (Buffer.byteLength(value) > 128 ? `${name} is longer than 128 bytes` : isName(name, value));
const isPlatform: Rule = (name, value) => (/^[a-z0-9-]{1,32}$/.test(value) ? undefined : `${name} is not a platform's name`);
const isText: Rule = (name, value) => {
  if (value.trim() === "") return `${name} is empty`;
  return Buffer.byteLength(value) > maxTextBytes ? `${name} is longer than ${maxTextBytes} bytes` : undefined;
};
const isTime: Rule = (name, value) => (/^\d{1,15}$/.test(value) ? undefined : `${name} is not a time in ms`);

const isRole: Rule = (name, value) => (value === "assistant" || value === "notice" ? undefined : `${name} is not a role`);
const isLine: Rule = (name, value) => (/^\d{1,15}-\d{1,15}$/.test(value) ? undefined : `${name} is not the id of a line`);

const inboundRules = { id: isId, platform: isPlatform, channel: isName, author: isName, text: isText, at: isTime };
const answerRules = { id: isName, platform: isPlatform, channel: isName, text: isText, to: isId, at: isTime, role: isRole };
const outboundRules = { ...answerRules, log: isLine };
type Rules = Readonly<Record<string, Rule>>;

/** W3C's traceparent, version 00, with an identity. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The traceparent of an entry. One that is not valid is left out: no trace keeps a message from being read. */
const traceOf = (raw: RawFields): { readonly traceparent?: string } => {
  const at = raw.findIndex((field, index) => index % 2 === 0 && field.length === 11 && decoded(field) === "traceparent");
  const bytes = at === -1 ? undefined : raw[at + 1];
  const value = bytes?.length === 55 ? decoded(bytes) : undefined;
  return value !== undefined && traceparent.test(value) ? { traceparent: value } : {};
};

/** The values of the fields that the rules name. Other fields are ignored; a name that appears twice is refused. */
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
    return { ok: true, value: { ...(Object.fromEntries(entries) as T), ...traceOf(raw) } };
  };

/** Reads an entry's fields. Total: any bytes give a value or a reason, never an exception. */
export const parseInbound: (raw: RawFields) => Parsed<Inbound> = parser<Inbound>(inboundRules);
export const parseOutbound: (raw: RawFields) => Parsed<Outbound> = parser<Outbound>(outboundRules);

/** The first problem of what is about to be written, or undefined. An answer gets the id of its line as it is written. */
export const problemOf = (envelope: Inbound | Omit<Outbound, "log">): string | undefined =>
  firstProblem(
    new Map(Object.entries(envelope).map(([name, value]) => [name, String(value)])),
    "to" in envelope ? answerRules : inboundRules,
  );
