/** The mutation run: a survivor carries the judgement above its line, a judgement without a mutant is an error, parts exist. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { judgementsIn } from "./judgements.mjs";
import { jsonOf, reportOf, tableOf, tallyOf, totalOf } from "./report.mjs";
import { againIn, merged } from "./results.mjs";
import { slices } from "./slices.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

const source = `const a = 1;
// equivalent mutant: nothing reads it
// accepted mutant (StringLiteral): only a name
const b = call("name", 1);
// equivalent mutant: the line has no mutant
const c = 2;`;
const mutant = (line: number, mutatorName: string, status: string, replacement = '""') => ({
  location: { start: { line, column: 1 }, end: { line, column: 9 } },
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
const tally = tallyOf({ group: "machines", name: "one" }, "src/one.ts", { source, mutants });
const totals = [totalOf([tally], "machines", 3)];

interface Survivor {
  readonly at: number;
  readonly judgement?: { readonly why: string };
}

it("a survivor carries the first judgement above its line that is about it, and one without is reported as not judged", () => {
  expect(tally.survivors.map(({ at, judgement }: Survivor) => [at, judgement?.why])).toEqual([
    [1, undefined],
    [4, "nothing reads it"],
  ]);
  expect(reportOf([tally], totals)).toContain("**not judged**");
});

it("a judgement whose mutant no longer exists is listed as stale, by its own line", () => {
  expect(tally.stale).toEqual(["src/one.ts:5"]);
});

it("a survivor that is judged equivalent lowers the score of its file and of its group all the same", () => {
  const table = tableOf([tally], totals);
  expect(table).toContain("| one | src/one.ts | 4 | 1 | 1 | 2 | 1 | 0 | 0 | 50.0 % |");
  expect(table).toContain("| 1 of 3 files, goal 98 % | 4 | 1 | 1 | 2 | 1 | 0 | 0 | 50.0 % |");
});

it("a file whose code has changed since it was counted is marked in its row", () => {
  const changed = tallyOf({ group: "machines", name: "one" }, "src/one.ts", { source, mutants }, true);
  expect(tableOf([changed], totals)).toContain("| src/one.ts (its code has changed since) |");
});

it("the result as JSON has each file's counts and survivors, and each group's score with its goal", () => {
  const { groups, files } = JSON.parse(jsonOf([tally], totals));
  expect(groups).toMatchObject([{ group: "machines", files: 3, countedFiles: 1, score: 50, goal: 98 }]);
  expect(files).toMatchObject([
    { part: "one", file: "src/one.ts", killed: 1, timeouts: 1, survived: 2, survivors: [{ at: 1 }, { at: 4 }] },
  ]);
});

it("mutants that are tried again take their new result, the others keep theirs, and other code drops them all", () => {
  const again = { source, mutants: [mutant(4, "StringLiteral", "Killed")] };
  expect(merged({ source, mutants }, again).mutants.map(({ status }: { status: string }) => status)).toEqual([
    "Killed",
    "Timeout",
    "NoCoverage",
    "Killed",
  ]);
  const other = { source: "const a = 2;", mutants: [] };
  expect(merged({ source, mutants }, other)).toBe(other);
  expect(merged(undefined, again)).toBe(again);
});

it("only the survivors of a file are tried again, and all of it where it was not counted or its code has changed", () => {
  const file = `${root}test/mutate/runner.ts`;
  const counted = { source: readFileSync(file, "utf8"), mutants };
  expect(againIn(file, counted)).toEqual([`${file}:4:0-4:8`, `${file}:1:0-1:8`]);
  expect(againIn(file, { source, mutants })).toEqual([file]);
  expect(againIn(file, undefined)).toEqual([file]);
});

it("--help names each part and each option", () => {
  const help = execFileSync(process.execPath, [`${root}test/mutate/main.mjs`, "--help"], { encoding: "utf8" });
  const named = [...slices.map(({ name }) => name), "--since", "--again", "--json", "--report", "--concurrency", "--timeout-ms"];
  expect(named.filter((name) => !help.includes(name))).toEqual([]);
});

it("every file with a judgement is in a part, so that the judgement is checked", () => {
  const mutated = new Set(slices.flatMap(({ mutate }) => mutate));
  const files = ["machines", "src"].flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  );
  const judged = files.filter((file) => file.endsWith(".ts") && judgementsIn(readFileSync(root + file, "utf8")).length > 0);
  expect(judged.length).toBeGreaterThan(0);
  expect(judged.filter((file) => !mutated.has(file))).toEqual([]);
});

it("every file of a part exists and is in no other, and every chart is in a part", () => {
  const mutated = slices.flatMap(({ mutate }) => mutate);
  const files = [...mutated, ...slices.flatMap(({ tests }) => tests)];
  expect(files.filter((file) => !existsSync(root + file))).toEqual([]);
  expect(mutated).toEqual([...new Set(mutated)]);
  const charts = readdirSync(`${root}machines`).filter((file) => file.endsWith(".machine.ts"));
  expect(charts.filter((file) => !mutated.includes(`machines/${file}`))).toEqual([]);
});
