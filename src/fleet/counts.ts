/** How many processes of each tier a fleet has. */
import { didYouMean } from "../closest.ts";
import { StargazerError } from "../errors.ts";
import { tiers } from "../tiers/index.ts";

/** How many processes of each tier, in the order of boot. */
export type Counts = ReadonlyMap<string, number>;

/** processes of one tier, or of one module */
export const maxCount = 64;

/** One process of each tier. */
export const oneOfEach = (): Map<string, number> => new Map(tiers.map(({ name }) => [name, 1]));

/** Why there cannot be so many processes of that tier, as a clause; undefined if there can. */
export const countProblem = (tier: string, count: number): string | undefined => {
  const known = tiers.map(({ name }) => name);
  if (!known.includes(tier))
    return `unknown tier ${JSON.stringify(tier)}${didYouMean(tier, known)}, write one of ${known.join(", ")}`;
  if (!Number.isInteger(count) || count < 0 || count > maxCount)
    return `write ${tier}=COUNT with a whole number from 0 to ${maxCount}`;
  return undefined;
};

/** One process of each tier that is not named. Throws `SG_ERR_CONFIG_INVALID` with all problems. */
export const countsOf = (wanted: Readonly<Record<string, number>>): Counts => {
  const problems = Object.entries(wanted).flatMap(([tier, count]) => countProblem(tier, count) ?? []);
  const counts = new Map([...oneOfEach(), ...Object.entries(wanted)]);
  if ([...counts.values()].every((count) => count === 0)) problems.push("no tier is left to start");
  if (problems.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", `${problems.join("; ")}.`);
  return counts;
};
