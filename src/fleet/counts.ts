/** `--tier NAME=COUNT`: how many processes of each tier. */

import { didYouMean } from "../closest.ts";
import { tiers } from "../tiers/index.ts";

/** How many processes of each tier, in the order of boot. */
export type Counts = ReadonlyMap<string, number>;

const maxCount = 64;

/** Reads `NAME=COUNT`, adding to `problems` what is wrong with it; without any, one process a tier. */
export const readCounts = (texts: readonly string[], problems: string[]): Counts => {
  const counts = new Map(tiers.map(({ name }) => [name, 1]));
  for (const text of texts) {
    const [, name = text, count = ""] = /^([^=]*)=(.*)$/.exec(text) ?? [];
    if (!counts.has(name)) {
      const known = [...counts.keys()];
      problems.push(
        `--tier ${text}: unknown tier ${JSON.stringify(name)}${didYouMean(name, known)}, write one of ${known.join(", ")}`,
      );
    } else if (!/^\d{1,3}$/.test(count) || Number(count) > maxCount) {
      problems.push(`--tier ${text}: write ${name}=COUNT with a whole number from 0 to ${maxCount}`);
    } else counts.set(name, Number(count));
  }
  if ([...counts.values()].every((count) => count === 0)) problems.push("--tier: no tier is left to start");
  return counts;
};
