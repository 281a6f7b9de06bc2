/** Any value as plain JSON: bounded, without functions and actors. */
import type { AnyActorRef } from "xstate";
import { isOf } from "../machines/thrown.ts";
import { messageOf } from "./errors.ts";

export interface Bounds {
  /** levels of objects and lists */
  readonly depth: number;
  /** of a list or an object */
  readonly items: number;
  /** characters of a text */
  readonly length: number;
  /** characters of the stack of an error, which then has its cause and the errors of an AggregateError too; without it an error has none */
  readonly stack?: number;
  /** keys that are left out */
  readonly without?: ReadonlySet<string>;
}

const isActorRef = (value: object): value is AnyActorRef => "sessionId" in value && "getSnapshot" in value;

/** A copy within the bounds. Never throws: a value that cannot be read becomes the text `(unreadable: …)`. */
export const plain = (value: unknown, bounds: Bounds): unknown => {
  try {
    return reduced(value, bounds);
  } catch (error) {
    return `(unreadable: ${messageOf(error)})`;
  }
};

const reduced = (value: unknown, bounds: Bounds): unknown => {
  if (typeof value === "string") return value.slice(0, bounds.length);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (isOf(value, Error)) return plainError(value, bounds);
  if (isActorRef(value)) return { actor: value.id, sessionId: value.sessionId };
  const isList = Array.isArray(value);
  if (bounds.depth === 0) return isList ? "(list)" : "(object)";
  return isList ? plainList(value, bounds) : plainObject(value, bounds);
};

const below = (bounds: Bounds): Bounds => ({ ...bounds, depth: bounds.depth - 1 });

const plainError = (error: Error & { code?: unknown }, bounds: Bounds) => {
  const { name, message, code } = error;
  const words = { name: plain(name, bounds), ...(typeof code === "string" ? { code } : {}), message: plain(message, bounds) };
  return bounds.stack === undefined ? words : { ...words, ...originOf(error, { ...bounds, stack: bounds.stack }) };
};

/** Where an error comes from: its stack, and what led to it. */
const originOf = (error: Error & { errors?: unknown }, bounds: Bounds & { readonly stack: number }) => {
  const { stack, cause, errors } = error;
  return {
    ...(typeof stack === "string" ? { stack: wholeLines(stack, bounds.stack) } : {}),
    ...(cause === undefined || bounds.depth === 0 ? {} : { cause: plain(cause, below(bounds)) }),
    ...(Array.isArray(errors) && bounds.depth > 0 ? { errors: plainList(errors, bounds) } : {}),
  };
};

const wholeLines = (text: string, length: number): string =>
  text.length <= length ? text : text.slice(0, text.lastIndexOf("\n", length) >>> 0).slice(0, length);

const plainList = (list: readonly unknown[], bounds: Bounds) =>
  list.slice(0, bounds.items).map((item) => plain(item, below(bounds)));

const plainObject = (value: object, bounds: Bounds) => {
  const entries = Object.entries(value).filter(([key, item]) => !bounds.without?.has(key) && typeof item !== "function");
  return Object.fromEntries(entries.slice(0, bounds.items).map(([key, item]) => [key, plain(item, below(bounds))]));
};
