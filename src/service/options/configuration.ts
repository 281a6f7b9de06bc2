/** The options of a service as they are in force, and where each of them came from. */
import type { Variable } from "../../environment.ts";
import { fromEnvironment } from "../../environment.ts";
import { redactUrl } from "../../redis/url.ts";
import type { ServiceOptions } from "../types.ts";
import type { ResolvedOptions } from "./options.ts";
import { optionVariables } from "./options.ts";

/** Where the value of an option came from. */
export type OptionSource = "option" | "environment" | "default";

/** One option of a service, in force since its constructor. */
export interface EffectiveOption {
  readonly option: string;
  /** lists, objects and URLs as text, URLs without passwords; a value that is not data is described: `a client of the program's own` */
  readonly value: string | number | boolean | null;
  readonly source: OptionSource;
  /** the variable that is read where the option is absent; null for none */
  readonly variable: string | null;
}

export type OptionSources = ReadonlyMap<string, OptionSource>;

const sourceOf = (given: unknown, variable: Variable | undefined): OptionSource => {
  if (given !== undefined) return "option";
  // equivalent mutant (true): no environment has a variable of the name undefined
  return variable !== undefined && fromEnvironment(variable) !== undefined ? "environment" : "default";
};

/** The source of each option's value. For validated options only. */
export const sourcesOf = (options: ServiceOptions): OptionSources => {
  const given = options as unknown as Readonly<Record<string, unknown>>;
  return new Map([...optionVariables].map(([name, variable]) => [name, sourceOf(given[name], variable)]));
};

const described: Readonly<Record<string, (value: unknown) => EffectiveOption["value"]>> = {
  redis: (value) => (typeof value === "string" ? redactUrl(value) : value === null ? null : "a client of the program's own"),
  logger: (value) => (value === undefined ? "lines on standard output" : "a logger of the program's own"),
  metrics: (value) => (value === undefined ? null : "metrics of the program's own"),
};

const shownValue = (value: unknown): EffectiveOption["value"] =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : JSON.stringify(value);

/** Every option, in the order of the table of the documentation. */
export const configurationOf = (options: ResolvedOptions, sources: OptionSources): readonly EffectiveOption[] =>
  Object.entries(options).map(([option, value]) => ({
    option,
    value: (described[option] ?? shownValue)(value),
    // equivalent mutant: each option has a source
    source: sources.get(option) ?? "default",
    variable: optionVariables.get(option) ?? null,
  }));
