/** Services of a user's own in a fleet: modules, named on the command line or in `stargazer.json`. */
import { existsSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { readUpTo } from "../bounded-file.ts";
import { unknownKeys } from "../closest.ts";
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
  try {
    return servicesIn(JSON.parse(readUpTo(fleetFile, maxBytes) ?? ""));
  } catch (error) {
    return wrong([`cannot be read: ${messageOf(error)}`]);
  }
};

const wrong = (problems: readonly string[]) => ({ services: [], problems: problems.map((problem) => `${fleetFile} ${problem}`) });

/** A service as the file describes it. */
type Described = Pick<OwnService, "module"> & Partial<OwnService>;

const isService = (one: unknown): one is Described => isRecord(one) && typeof one.module === "string";

/** The clauses for the keys without meaning, of the whole and of each service. */
const unknownIn = (given: object, services: Readonly<Record<string, unknown>>): string[] => [
  ...unknownKeys(given, ["services"], "key").map((problem) => `has an ${problem}`),
  ...Object.entries(services).flatMap(([name, one]) =>
    unknownKeys(isRecord(one) ? one : {}, ["module", "replicas"], "key").map((problem) => `has an ${problem} for ${name}`),
  ),
];

const servicesIn = (given: unknown): { readonly services: readonly OwnService[]; readonly problems: readonly string[] } => {
  const [whole, named] = isRecord(given) ? [given, given.services] : [{}, undefined];
  const unknown = unknownIn(whole, isRecord(named) ? named : {});
  if (unknown.length > 0) return wrong(unknown);
  if (!isRecord(named)) return wrong(['must be { "services": { "orders": { "module": "./orders.js", "replicas": 2 } } }']);
  const entries = Object.entries(named);
  const odd = entries.find(([, one]) => !isService(one));
  if (odd !== undefined) return wrong([`has no module for ${odd[0]}`]);
  if (entries.length === 0) return wrong(["names no service"]);
  return { services: entries.map(([name, one]) => ({ name, replicas: 1, ...(one as Described) })), problems: [] };
};
