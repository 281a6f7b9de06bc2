/** `config`: the values that a service would run with, and where each came from. */
import type { EffectiveVariable, VariableReader } from "../config/variables.ts";
import { effectiveVariables } from "../config/variables.ts";
import { exit } from "../process.ts";
import type { EffectiveOption } from "../service/options/configuration.ts";
import { configurationOf, sourcesOf } from "../service/options/configuration.ts";
import { resolveOptions } from "../service/options/options.ts";
import { tiers } from "../tiers/index.ts";
import type { Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, refusePositionals } from "./command.ts";
import { print, printJson } from "./print.ts";
import { constructed } from "./service-of.ts";
import { table } from "./terminal.ts";

interface Described {
  readonly service: string | null;
  readonly options: readonly EffectiveOption[];
}

/** What every service reads that is given no option but its name. */
const anyService = (): Described => {
  const given = { serviceName: "every-service" };
  const options = configurationOf(resolveOptions(given), sourcesOf(given));
  return { service: null, options: options.filter(({ option }) => option !== "serviceName") };
};

const describedServices = async (target: string | undefined): Promise<readonly Described[]> => {
  if (target === undefined) return [anyService()];
  const services = await constructed(target, "config");
  return services.map(({ own }) => ({ service: own.serviceName, options: own.configuration() }));
};

/** All of them, or those that a tier or a module reads. */
const variablesFor = (target: string | undefined): readonly EffectiveVariable[] => {
  if (target === undefined) return effectiveVariables();
  const own = tiers.find(({ name }) => name === target)?.name as VariableReader | undefined;
  return effectiveVariables(own === undefined ? ["services"] : ["services", own]);
};

const optionRow = ({ option, value, source, variable }: EffectiveOption): string[] => [
  option,
  String(value ?? "none"),
  source,
  variable ?? "",
];
const variableRow = ({ variable, value, fallback }: EffectiveVariable): string[] =>
  value === null ? [variable, fallback, "default"] : [variable, value, "environment"];

const columns = (rows: readonly (readonly string[])[]): string[] =>
  table(rows, { width: Number.POSITIVE_INFINITY }).map((line) => `  ${line}`);

export const config: Command = {
  name: "config",
  summary: "prints the values in force and where each came from; passwords are hidden",
  synopsis: "[--for <tier | ./module.js>] [--json]",
  details: [
    ["--for TARGET", `a tier (${tiers.map(({ name }) => name).join(", ")}) or a module, as run takes it:`],
    ["", "its services are constructed and not started; without it, what every service and command reads"],
    jsonDetail,
    "An option given by the program wins over the environment, and that over the default.",
  ],
  options: { for: { type: "string" }, ...jsonOption },
  async run(args) {
    refusePositionals(args, ": name the service by --for");
    refuse(args, config);
    const target = args.text("for");
    const services = await describedServices(target);
    const variables = variablesFor(target);
    if (args.has("json")) printJson({ services, variables }, 2);
    else {
      for (const { service, options } of services)
        print([service === null ? "every service" : `service ${service}`, ...columns(options.map(optionRow)), ""]);
      print(["other variables", ...columns(variables.map(variableRow))]);
    }
    // a resource that the module opened at its top level must not keep this process alive
    return exit(0);
  },
};
