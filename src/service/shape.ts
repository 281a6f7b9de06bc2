/** What counts as a service where one is taken. */
import { isOf } from "../../machines/thrown.ts";
import { StargazerError } from "../errors.ts";
import { reinsOf } from "./reins.ts";
import type { StargazerService } from "./service.ts";

/** By shape rather than by class: a program may hold two copies of this package. */
export const isService = (given: unknown): given is StargazerService => {
  const { runToCompletion, actor } = reinsOf(Object(given)) as Partial<StargazerService>;
  return typeof runToCompletion === "function" && typeof actor?.subscribe === "function";
};

/** Throws `SG_ERR_CONFIG_INVALID` for what is no service, beginning with `wanted`: "launch takes a service". */
export const demandService = (given: unknown, wanted: string): StargazerService => {
  if (isService(given)) return given;
  throw new StargazerError("SG_ERR_CONFIG_INVALID", `${wanted}, not ${kindOf(given)}.`);
};

/** Whether it is called with `new`: a class, or a constructor that a compiler has made of a service's class. */
export const isClass = (given: unknown): boolean => {
  if (typeof given !== "function") return false;
  const prototype = Object.getOwnPropertyDescriptor(given, "prototype");
  return prototype?.writable === false || typeof prototype?.value?.runToCompletion === "function";
};

const kindOf = (given: unknown): string => {
  if (isOf(given, Promise)) return "a promise: await what makes the service first";
  if (!isClass(given)) return given === null ? "null" : typeof given;
  const { name } = given as { name: string };
  return `the class ${name}: write launch(() => new ${name}({ ... }))`;
};
