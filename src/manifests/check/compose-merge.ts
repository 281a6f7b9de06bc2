/** The compose files of one deployment as compose reads them: each merged over the one before. */
import { basename, dirname, join, resolve } from "node:path";

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping => typeof value === "object" && value !== null && !Array.isArray(value);

/** Lists that a later file replaces; it adds to all others. */
const replaced = new Set(["command", "entrypoint", "test"]);
/** Mappings that may be lists of `NAME=value`. */
const named = new Set(["environment", "labels", "depends_on"]);

const asMapping = (list: readonly unknown[]): Mapping =>
  Object.fromEntries(
    list.map(String).map((entry) => {
      const at = entry.indexOf("=");
      return at === -1 ? [entry, null] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );

const merge = (key: string, under: unknown, over: unknown): unknown => {
  if (under === undefined) return over;
  if (Array.isArray(under) && Array.isArray(over)) {
    if (replaced.has(key)) return over;
    return named.has(key) && key !== "depends_on" ? { ...asMapping(under), ...asMapping(over) } : [...under, ...over];
  }
  const [below, above] = [under, over].map((value) => (named.has(key) && Array.isArray(value) ? asMapping(value) : value));
  return isMapping(below) && isMapping(above) ? mergedCompose(below, above) : over;
};

/** A compose file with another merged over it: mappings by their keys, lists one after the other, all else replaced. */
export const mergedCompose = (under: object, over: object): object => ({
  ...under,
  ...Object.fromEntries(Object.entries(over).map(([key, value]) => [key, merge(key, (under as Mapping)[key], value)])),
});

const stemOf = (file: string): string => basename(file).replace(/\.ya?ml$/i, "");

/** The files that compose merges by itself over one of a default name. */
export const overridesOf = (file: string): string[] =>
  /^(?:docker-)?compose$/.test(stemOf(file))
    ? ["yaml", "yml"].map((end) => join(dirname(file), `${stemOf(file)}.override.${end}`))
    : [];

/** Whether a file is one to merge over that one: `compose.prod.yaml` over `compose.yaml` beside it. */
export const isOver = (file: string, base: string): boolean =>
  resolve(dirname(file)) === resolve(dirname(base)) && stemOf(file).startsWith(`${stemOf(base)}.`);
