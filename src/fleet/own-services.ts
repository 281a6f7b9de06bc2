/** Services of a user's own in a fleet: modules, named on the command line or in `stargazer.json`. */
import { existsSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { readUpTo } from "../bounded-file.ts";
import { messageOf } from "../errors.ts";
import { isRecord } from "../record.ts";
import { nameProblem } from "../registry/names.ts";
import { tiers } from "../tiers/index.ts";
import { maxCount } from "./counts.ts";

/** One service: its name on the board, and the number of its processes. */
export interface OwnService {
  readonly name: string;
  /** path of the module, from this folder */
  readonly module: string;
  readonly replicas: number;
}

/** The content of `stargazer.json`. */
export const fleetFile = "stargazer.json";
const maxBytes = 65_536;

/** The name of a module that is named by its path alone: `orders` of `./orders.js`. */
export const nameOfModule = (path: string): string => basename(path, extname(path));

/** The problems of these services as one fleet, a clause each. */
export const ownProblems = (services: readonly OwnService[]): string[] =>
  services.flatMap(({ name, module, replicas }, index) => {
    const problem = nameProblem("service", name);
    return [
      ...(problem === undefined ? [] : [`the name of ${module} ${problem}`]),
      ...(tiers.some((tier) => tier.name === name)
        ? [`${module} would be called like the tier ${name}: give it another name`]
        : []),
      ...(services.findIndex((other) => other.name === name) < index ? [`two services are called ${name}`] : []),
      ...(existsSync(resolve(module)) ? [] : [`there is no module ${module}`]),
      ...(Number.isInteger(replicas) && replicas >= 1 && replicas <= maxCount
        ? []
        : [`${name} needs a whole number of replicas from 1 to ${maxCount}`]),
    ];
  });

/** The services of `stargazer.json` in this folder, and what is wrong with it; undefined without such a file. */
export const readFleetFile = ():
  | { readonly services: readonly OwnService[]; readonly problems: readonly string[] }
  | undefined => {
  if (!existsSync(fleetFile)) return undefined;
  const wrong = (problem: string) => ({ services: [], problems: [`${fleetFile} ${problem}`] });
  try {
    const given: unknown = JSON.parse(readUpTo(fleetFile, maxBytes) ?? "");
    const services = isRecord(given) ? given.services : undefined;
    if (!isRecord(services)) return wrong('must be { "services": { "orders": { "module": "./orders.js", "replicas": 2 } } }');
    const entries = Object.entries(services);
    const odd = entries.find(([, one]) => !isRecord(one) || typeof one.module !== "string");
    if (odd !== undefined) return wrong(`has no module for ${odd[0]}`);
    return {
      services: entries.map(([name, one]) => {
        const { module, replicas = 1 } = one as { module: string; replicas?: number };
        return { name, module, replicas };
      }),
      problems: entries.length === 0 ? [`${fleetFile} names no service`] : [],
    };
  } catch (error) {
    return wrong(`cannot be read: ${messageOf(error)}`);
  }
};
