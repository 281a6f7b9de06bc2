/** Shared by the writers of every kind of file. */
import { optionVariables } from "../service/options/options.ts";
import type { Budgets } from "./budgets.ts";

export interface Written {
  /** the image; default: the service's name */
  readonly image: string | undefined;
  /** the arguments of node, with paths inside the package: `["orders.js"]` */
  readonly command: readonly string[];
}

/** A name that is valid for DNS and systemd. */
export const labelOf = ({ service }: Budgets): string =>
  service
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63) || "service";

export const imageOf = (budgets: Budgets, { image }: Written): string => image ?? `${labelOf(budgets)}:latest`;

/** The variables of these options, without those that the program sets itself. */
export const variablesOf = (
  { fixed, hasHealth }: Budgets,
  values: { readonly drainDelayMs?: number; readonly healthHost?: string },
): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(values)
      .filter(([option]) => !fixed.has(option) && (hasHealth || option !== "healthHost"))
      .map(([option, value]) => [optionVariables.get(option)!, String(value)]),
  );
