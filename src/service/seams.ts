/** What simulations and tests of Stargazer itself replace in a service. Not part of the public door. */
import type { ServiceClock } from "../clock.ts";
import type { Resources } from "./effects/resources.ts";

/** What a simulation replaces. */
export interface Seams {
  readonly resources?: Resources;
  readonly clock?: ServiceClock;
  readonly random?: () => number;
}

/** The key of the replacements in the options: `options[seams]`. */
export const seams: unique symbol = Symbol("stargazer.seams");

/** The replacements in what a constructor was given; empty in every program. */
export const seamsOf = (options: unknown): Seams => (options as { [seams]?: Seams } | undefined)?.[seams] ?? {};
