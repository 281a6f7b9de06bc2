/** The mutation run: a survivor carries the judgement above its line, a judgement without a mutant is an error, slices exist. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { reportOf, tableOf, tallyOf } from "./report.mjs";
import { slices } from "./slices.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

const source = `const a = 1;
// equivalent mutant: nothing reads it
// accepted mutant (StringLiteral): only a name
const b = call("name", 1);
// equivalent mutant: the line has no mutant
const c = 2;`;
const mutant = (line: number, mutatorName: string, status: string, replacement = '""') => ({
  location: { start: { line, column: 1 } },
  mutatorName,
  status,
  replacement,
});
const mutants = [
  mutant(1, "NumberLiteral", "Killed"),
  mutant(4, "StringLiteral", "Survived"),
  mutant(4, "CallExpression", "Timeout", ""),
  mutant(1, "StringLiteral", "NoCoverage"),
];
const tally = tallyOf({ group: "machines", name: "one" }, { files: { "src/one.ts": { source, mutants } } });

it("a survivor carries the first judgement above its line that is about it, and one without is reported as not judged", () => {
  expect(tally.survivors.map(({ at, judgement }) => [at, judgement?.why])).toEqual([
    [1, undefined],
    [4, "nothing reads it"],
  ]);
  expect(reportOf([tally])).toContain("**not judged**");
});

it("a judgement whose mutant no longer exists is listed as stale, by its own line", () => {
  expect(tally.stale).toEqual(["src/one.ts:5"]);
});

it("a survivor that is judged equivalent lowers the score all the same", () => {
  expect(tableOf([tally])).toContain("| one | 4 | 2 | 1 | 2 | 1 | 0 | 50.0 % |");
});

it("every file of a slice exists, and every chart is in a slice", () => {
  const files = slices.flatMap(({ mutate, tests }) => [...mutate, ...tests]);
  expect(files.filter((file) => !existsSync(root + file))).toEqual([]);
  const charts = readdirSync(`${root}machines`).filter((file) => file.endsWith(".machine.ts"));
  expect(charts.filter((file) => !files.includes(`machines/${file}`))).toEqual([]);
});
