/** What counts as a service where one is taken. */
import { isOf } from "../../machines/thrown.ts";
import { StargazerError } from "../errors.ts";
import type { StargazerService } from "./service.ts";

/**
 * By shape rather than by class: a program may hold two copies of this package. Throws `SG_ERR_CONFIG_INVALID`, beginning with
 * `wanted`: "launch takes a service".
 */
export const demandService = (given: unknown, wanted: string): StargazerService => {
  const { runToCompletion, actor } = (given ?? {}) as Partial<StargazerService>;
  if (typeof runToCompletion === "function" && typeof actor?.subscribe === "function") return given as StargazerService;
  const what = isOf(given, Promise) ? "a promise: await what makes the service first" : given === null ? "null" : typeof given;
  throw new StargazerError("SG_ERR_CONFIG_INVALID", `${wanted}, not ${what}.`);
};
