/** The settings of a whole fleet, checked before anything of it is started. */
import { fromEnvironment } from "../environment.ts";
import { StargazerError } from "../errors.ts";
import { readChoice } from "../inspector/choice.ts";
import { resolveOptions } from "../service/options/options.ts";
import { tiers } from "../tiers/index.ts";
import type { Counts } from "./counts.ts";

const problemOf = async (check: () => unknown): Promise<string[]> => {
  try {
    await check();
    return [];
  } catch (error) {
    if (error instanceof StargazerError && error.code === "SG_ERR_CONFIG_INVALID") return [error.message];
    throw error;
  }
};

/** What any service reads; its Redis is the fleet's own matter. */
const checkCommon = (): unknown => resolveOptions({ serviceName: "fleet", redis: null });

const checkInspector = (): unknown => {
  const text = fromEnvironment("SG_INSPECT");
  return text === undefined ? undefined : readChoice(text, "SG_INSPECT");
};

/** What the services would refuse of their environment, a sentence each; those of which none is started are not asked. */
export const problemsOfSettings = async (counts: Counts): Promise<string[]> => {
  const wanted = tiers.filter(({ name }) => (counts.get(name) ?? 0) > 0);
  const problems: string[] = [];
  for (const check of [checkCommon, checkInspector, ...wanted.map((tier) => () => tier.check())]) {
    problems.push(...(await problemOf(check)));
  }
  return [...new Set(problems)];
};
