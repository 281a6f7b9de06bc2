/** The one instance that is meant by a name on the command line. */
import { didYouMean } from "../closest.ts";
import { StargazerError } from "../errors.ts";
import type { Registry, RegistryEntry } from "../registry/registry.ts";
import { usageError } from "./command.ts";

export interface Wanted {
  readonly service: string;
  /** a name, or its beginning; empty for the only one */
  readonly instance: string;
}

/** The entries of the named instance: of exactly that name, else those whose names begin so. */
const fitting = (entries: readonly RegistryEntry[], { service, instance }: Wanted): RegistryEntry[] => {
  const own = entries.filter((entry) => entry.service === service);
  const exact = own.filter((entry) => entry.instance === instance);
  return exact.length > 0 ? exact : own.filter((entry) => entry.instance.startsWith(instance));
};

const listed = 10;
const listOf = (known: readonly string[]): string => {
  if (known.length === 0) return "nothing is";
  const more = known.length > listed ? ` and ${known.length - listed} more` : "";
  return `there are ${known.slice(0, listed).join(", ")}${more}`;
};

const absent = (entries: readonly RegistryEntry[], { service, instance }: Wanted, label: string): StargazerError => {
  const instances = entries.filter((entry) => entry.service === service).map((entry) => entry.instance);
  const known = instances.length > 0 ? instances : [...new Set(entries.map((entry) => entry.service))];
  const hint = didYouMean(instances.length > 0 ? instance : service, known);
  const name = instance === "" ? service : `${service}/${instance}`;
  return new StargazerError("SG_ERR_REGISTRY", `${name} is not registered in ${label}${hint}: ${listOf(known)}`);
};

/** Rejects with `SG_ERR_REGISTRY` where there is none, and with `SG_ERR_USAGE` where there are several. */
export const findInstance = async (registry: Registry, wanted: Wanted, label: string): Promise<RegistryEntry> => {
  const [found, ...more] = fitting(await registry.list(wanted.service), wanted);
  if (found === undefined) throw absent(await registry.list(), wanted, label);
  if (more.length === 0) return found;
  const names = [found, ...more].map((entry) => `${entry.service}/${entry.instance}`);
  throw usageError([`${names.length} instances match; name one: ${names.join(", ")}`], "inspect");
};
