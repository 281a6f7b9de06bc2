/** The last results, a file for each part in `reports/mutation`. A run of some files, or of the survivors alone, adds to them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { survived } from "./report.mjs";

const folder = "reports/mutation";
const fileOf = ({ name }) => `${folder}/${name}.json`;

/** The results of a part by file, without files that are no longer in it. */
export const resultsOf = (slice) => {
  if (!existsSync(fileOf(slice))) return {};
  const { files } = JSON.parse(readFileSync(fileOf(slice), "utf8"));
  return Object.fromEntries(Object.entries(files).filter(([file]) => slice.mutate.includes(file)));
};

/** Whether the code of a file is another than that whose mutants were tried. */
export const hasChanged = (file, { source }) => source !== readFileSync(file, "utf8");

const keyOf = ({ location, mutatorName, replacement }) => JSON.stringify([location, mutatorName, replacement]);

/** A file's results with those of a later run; mutants that were not tried again keep their result as long as the code is the same. */
export const merged = (before, after) => {
  if (before?.source !== after.source) return after;
  const again = new Set(after.mutants.map(keyOf));
  return { ...after, mutants: [...before.mutants.filter((mutant) => !again.has(keyOf(mutant))), ...after.mutants] };
};

export const keep = (slice, after) => {
  const files = resultsOf(slice);
  for (const [file, content] of Object.entries(after)) files[file] = merged(files[file], content);
  mkdirSync(folder, { recursive: true });
  writeFileSync(fileOf(slice), JSON.stringify({ files }));
};

const rangeOf = (file, { location: { start, end } }) => `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;

/** What to try again of a file: its survivors, or all of it where it was not counted or its code has changed. */
export const againIn = (file, content) =>
  content === undefined || hasChanged(file, content)
    ? [file]
    : content.mutants.filter(({ status }) => survived.has(status)).map((mutant) => rangeOf(file, mutant));
