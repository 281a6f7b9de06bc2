/** The order of a group, checked before anything boots. */
import type { GroupFailing } from "../../machines/group.machine.ts";
import { didYouMean, unknownKeys } from "../closest.ts";
import { StargazerError } from "../errors.ts";
import { reinsOf } from "../service/reins.ts";
import type { StargazerService } from "../service/service.ts";
import type { Order } from "./chain.ts";
import { circleIn, orderOf } from "./chain.ts";
import type { LaunchOptions } from "./options.ts";

/** A service of the group, and the names of those that it comes after. */
export interface Member {
  readonly given: StargazerService;
  readonly after: readonly string[];
  /** what else it was given with */
  readonly others?: object;
}

/** A group that may boot. */
export interface GroupPlan {
  /** as their base class has them */
  readonly services: readonly StargazerService[];
  readonly order: Order;
  readonly fail: GroupFailing;
}

/** Throws `SG_ERR_CONFIG_INVALID` with every problem of the group at once. */
export const planGroup = (members: readonly Member[], options: LaunchOptions = {}): GroupPlan => {
  const { fail = "together" } = options;
  const services = members.map(({ given }) => reinsOf(given));
  const names = services.map(({ serviceName }) => serviceName);
  const isList = members.every(({ after }) => Array.isArray(after));
  const named = members.map(({ after }, at) => ({ name: names[at]!, after: isList ? after : [] }));
  const problems = [
    ...(members.length > 0 ? [] : ["launch takes at least one service."]),
    ...(fail === "together" || fail === "apart" ? [] : [`fail is "together" or "apart", not ${JSON.stringify(fail)}.`]),
    ...unknownKeys(options, ["fail"]).map((problem) => `${problem}.`),
    ...members.flatMap(({ others = {} }, at) =>
      unknownKeys(others, ["service", "after"], "key").map((problem) => `${names[at]} has an ${problem}.`),
    ),
    ...(isList ? [] : ["after is a list of names."]),
    ...names
      .filter((_, at) => members.findIndex(({ given }) => given === members[at]!.given) < at)
      .map((name) => `${name} is there twice.`),
    ...named.flatMap(({ name, after }) => unknownNames(name, after, names)),
    ...circles(named),
    ...portClashes(services),
  ];
  if (problems.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", problems.join(" "));
  return { services, order: orderOf(named), fail };
};

const unknownNames = (name: string, after: readonly string[], names: readonly string[]): string[] =>
  after
    .filter((needed) => !names.includes(needed))
    .map((needed) => {
      const known = [...new Set(names)];
      return `${name} comes after ${JSON.stringify(needed)}, which is not in the group${didYouMean(String(needed), known)}: it has ${known.join(", ")}.`;
    });

const circles = (members: readonly { readonly name: string; readonly after: readonly string[] }[]): string[] => {
  const circle = circleIn(orderOf(members));
  return circle === undefined
    ? []
    : [`services come after each other in a circle: ${circle.map((at) => members[at]!.name).join(" -> ")}.`];
};

const anyAddress = ["0.0.0.0", "::"];

const portClashes = (services: readonly StargazerService[]): string[] => {
  const listeners = services.flatMap((service) => {
    const values = new Map(service.configuration().map(({ option, value }) => [option, value]));
    const [port, host] = [values.get("healthPort"), String(values.get("healthHost"))];
    return values.get("useHealthServer") === true && port !== 0 ? [{ name: service.serviceName, port, host }] : [];
  });
  const clashes = (one: (typeof listeners)[number], other: (typeof listeners)[number]) =>
    one.port === other.port && (one.host === other.host || anyAddress.includes(one.host) || anyAddress.includes(other.host));
  return listeners.flatMap((own, at) => {
    const other = listeners.slice(0, at).find((before) => clashes(before, own));
    const advice = "each needs a healthPort of its own, 0 for a free one, or useHealthServer: false";
    return other === undefined ? [] : [`${other.name} and ${own.name} have one health port, ${own.port}: ${advice}.`];
  });
};
