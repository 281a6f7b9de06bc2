/** The known word that a mistyped one probably means: an option, a command, a variable of the environment. */
import { variables } from "./environment.ts";

/** The number of letters to change, add, remove, or swap with the next one (optimal string alignment). */
const distance = (from: string, to: string): number => {
  let above: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const isSwapped = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      const swapped = isSwapped ? above[j - 1]! + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (from[i] === to[j] ? 0 : 1), swapped));
    }
    [above, row] = [row, next];
  }
  return row[to.length]!;
};

/** Undefined where no word is near. */
export const nearest = (word: string, known: readonly string[]): string | undefined => {
  if (word.length > 64) return undefined;
  return known
    .map((candidate) => ({ candidate, away: distance(word, candidate) }))
    .filter(({ candidate, away }) => away <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.away - b.away)[0]?.candidate;
};

/** ` (did you mean X?)`, or nothing where no word is near. */
export const didYouMean = (word: string, known: readonly string[]): string => {
  const near = nearest(word, known);
  return near === undefined ? "" : ` (did you mean ${near}?)`;
};

/** A clause for each key of `given` that has no meaning: `unknown option 'healthPrt' (did you mean healthPort?)`. */
export const unknownKeys = (given: object, known: readonly string[], noun = "option"): string[] =>
  Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => `unknown ${noun} '${name.slice(0, 64)}'${didYouMean(name, known)}`);

const withoutPrefix = (name: string): string => name.replace(/^SG_/, "");

/** The variable that a name without meaning stands for, by its letters behind `SG_`. */
export const meantVariable = (name: string): string | undefined => {
  const near = nearest(withoutPrefix(name), variables.map(withoutPrefix));
  return variables.find((variable) => withoutPrefix(variable) === near);
};

/** A clause that names the variable, and the one that it probably means. Its value is not shown. */
export const unknownVariable = (name: string): string => {
  const meant = meantVariable(name);
  const hint = meant === undefined ? "" : ` (did you mean ${meant}?)`;
  return `${name} is not a variable of Stargazer, so it has no effect${hint}`;
};

/** the number of names in one line */
const shownLimit = 8;

/** One line for all of them, the first eight by name. */
export const unknownInEnvironment = (names: readonly string[]): string => {
  const clauses = names.slice(0, shownLimit).map((name) => unknownVariable(name.slice(0, 64)));
  const further = names.length - clauses.length;
  return `in the environment: ${clauses.join("; ")}${further > 0 ? `; and ${further} more` : ""}`;
};
