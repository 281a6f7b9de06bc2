/** The one instance that is meant by a name on the command line. */
import { didYouMean } from "../closest.ts";
import { StargazerError } from "../errors.ts";
import type { InstanceName } from "../registry/entry.ts";
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
  return `there ${known.length === 1 ? "is only" : "are"} ${known.slice(0, listed).join(", ")}${more}`;
};

/** The error for a name that is not there, with the names that are: of instances of its service, else of services. */
export const absentFrom = (
  known: readonly InstanceName[],
  { service, instance }: Wanted,
  is: string,
  advice = "",
): StargazerError => {
  const instances = known.filter((each) => each.service === service).map((each) => each.instance);
  const names = instances.length > 0 ? instances : [...new Set(known.map((each) => each.service))];
  const hint = didYouMean(instances.length > 0 ? instance : service, names);
  const name = instance === "" ? service : `${service}/${instance}`;
  return new StargazerError("SG_ERR_REGISTRY", `${name} is not ${is}${hint}: ${listOf(names)}${advice}`);
};

/** Rejects with `SG_ERR_REGISTRY` where there is none, and with `SG_ERR_USAGE` where there are several. */
export const findInstance = async (registry: Registry, wanted: Wanted, label: string): Promise<RegistryEntry> => {
  const [found, ...more] = fitting(await registry.list(wanted.service), wanted);
  if (found === undefined)
    throw absentFrom(await registry.list(), wanted, `registered in ${label}`, ". stargazer fleet --all has those that ended");
  if (more.length === 0) return found;
  const names = [found, ...more].map((entry) => `${entry.service}/${entry.instance}`);
  throw usageError([`${names.length} instances match; name one: ${names.join(", ")}`], "inspect");
};
