/**
 * What comes from outside is read, not believed: a reader returns a value of its type, made of the fields that it names, or throws a
 * `Misfit` that says where the value is wrong.
 */
import { messageOf } from "./errors.ts";
import { isRecord, isShallow } from "./record.ts";

/** `where`: the path to the value, `phases[3].startedAt` for example; empty for the whole. */
export type Reader<T> = (value: unknown, where: string) => T;
export type ReadBy<R> = R extends Reader<infer T> ? T : never;

/** A value is not what its reader takes. The message is a clause. */
export class Misfit extends Error {
  override readonly name = "Misfit";
}

const refuse = (where: string, what: string): never => {
  throw new Misfit(`${where === "" ? "it" : where} must be ${what}`);
};

/** A reader of what fits; `what` names it in the refusal. */
export const fitting =
  <T>(fits: (value: unknown) => value is T, what: string): Reader<T> =>
  (value, where) =>
    fits(value) ? value : refuse(where, what);

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
/** what a Date can hold */
const isTime = (value: unknown): value is number => isNumber(value) && Math.abs(value) <= 8.64e15;

/** A text of at most `length` characters. */
export const text =
  (length = 65_536): Reader<string> =>
  (value, where) => {
    if (!isText(value)) return refuse(where, "a text");
    return value.length <= length ? value : refuse(where, `a text of at most ${length} characters`);
  };

export const number: Reader<number> = fitting(isNumber, "a number");
export const time: Reader<number> = fitting(isTime, "a time in ms since the epoch");
export const flag: Reader<boolean> = fitting((value) => typeof value === "boolean", "true or false");

export const oneOf = <const T extends string>(words: readonly T[]): Reader<T> =>
  fitting((value): value is T => words.some((word) => word === value), `one of ${words.join(", ")}`);

export const optional =
  <T>(read: Reader<T>): Reader<T | undefined> =>
  (value, where) =>
    value === undefined ? undefined : read(value, where);

export const nullable =
  <T>(read: Reader<T>): Reader<T | null> =>
  (value, where) =>
    value === null ? null : read(value, where);

/** A list of at most `items`. */
export const list =
  <T>(read: Reader<T>, items: number): Reader<T[]> =>
  (value, where) => {
    if (!Array.isArray(value)) return refuse(where, "a list");
    if (value.length > items) return refuse(where, `a list of at most ${items}`);
    return value.map((item, at) => read(item, `${where}[${at}]`));
  };

type Fields = Readonly<Record<string, Reader<unknown>>>;
type OptionalKeys<F> = { [K in keyof F]: undefined extends ReadBy<F[K]> ? K : never }[keyof F];
type ReadFields<F> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: ReadBy<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: Exclude<ReadBy<F[K]>, undefined>;
};

/** An object; what it has beside these fields is left out. */
export const object =
  <F extends Fields>(fields: F): Reader<ReadFields<F>> =>
  (value, where) => {
    if (!isRecord(value)) return refuse(where, "an object");
    const read = Object.entries(fields).map(([name, reader]) => {
      const own = Object.hasOwn(value, name) ? value[name] : undefined;
      return [name, reader(own, where === "" ? name : `${where}.${name}`)] as const;
    });
    return Object.fromEntries(read.filter(([, own]) => own !== undefined)) as ReadFields<F>;
  };

/** Any JSON of at most `levels` levels, without a key `__proto__`. */
export const anyJson =
  (levels: number): Reader<unknown> =>
  (value, where) =>
    isShallow(value, levels) ? value : refuse(where, `of at most ${levels} levels, without __proto__`);

/** The JSON that `json` is, by `read`. A text of more than `bytes` bytes is refused before it is parsed. Throws a `Misfit`. */
export const readJson = <T>(json: string, { bytes, read }: { readonly bytes: number; readonly read: Reader<T> }): T => {
  if (json.length > bytes || Buffer.byteLength(json) > bytes) throw new Misfit(`it has more than ${bytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new Misfit("it is not JSON", { cause: messageOf(error) });
  }
  return read(value, "");
};
