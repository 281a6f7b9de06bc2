/** Every sample of the README runs, as it stands there. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { withTables } from "../src/config/tables.ts";
import { variableRows } from "../src/config/variables.ts";
import { variables } from "../src/environment.ts";
import { optionVariables, resolveOptions } from "../src/service/options/options.ts";
import { factLevels } from "../src/service/report/facts.ts";
import { rendered } from "./bench/kit/publish.mjs";
import { groups, targets } from "./bench/targets.mjs";
import { endCli, openShell } from "./kit/cli.ts";
import { endPrograms, Program } from "./kit/program.ts";
import type { TestRedis } from "./kit/redis.ts";
import { startTestRedis } from "./kit/redis.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const samples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code!);
/** below the package, so that `stargazer` is found by its own name, as it is by those who installed it */
const folder = fileURLToPath(new URL("../dist/readme-samples/", import.meta.url));

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
  mkdirSync(folder, { recursive: true });
});
const shell = openShell();
afterEach(async () => {
  await endPrograms();
  await endCli();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  shell.remove();
  await redis.stop();
});

it("begins with one sentence, the landscape chart and the first example, in this order", () => {
  const [title, sentence, picture, example] = readme.split(/\n\n(?=\S)/);
  expect(title).toBe("# Stargazer");
  expect(sentence!.split("\n")).toHaveLength(1);
  expect(picture).toMatch(/^!\[[^\]]+\]\(visualizations\/lifecycle-landscape\.svg\)$/);
  expect(example).toMatch(/^```js\n/);
  // 1280 x 860 leaves room for the title, the sentence, the chart and this many lines
  expect(samples[0]!.split("\n").length).toBeLessThanOrEqual(18);
});

it("gives each target of the bench a title of its own, in one of the groups", () => {
  const titles = targets.map(({ what }) => what);
  expect(titles).toEqual([...new Set(titles)]);
  expect([...new Set(targets.map(({ group }) => group))].sort()).toEqual([...groups].sort());
});

it("shows the figures of the bench as they are kept, in its table and in its picture", () => {
  const files = rendered();
  const names = ["README.md", "bench.svg", "bench-slow.svg", "bench-growth.svg", "bench-messages.svg"];
  expect(names).toEqual(expect.arrayContaining(files.map(({ file }) => file.split("/").at(-1)!)));
  expect(files.length).toBeGreaterThanOrEqual(4);
  for (const { file, text } of files) expect(readFileSync(file, "utf8")).toBe(text);
});

/** The rows of the table below a heading, each a list of cells. */
const tableBelow = (heading: string, mark = ""): string[][] => {
  const whole = readme.slice(readme.indexOf(`\n## ${heading}\n`)).split("\n## ")[1]!;
  const section = mark === "" ? whole : whole.split(`<!-- /${mark} -->`)[0]!;
  const rows = section.split("\n").filter((line) => line.startsWith("|"));
  const cellsOf = (line: string) => line.split("|").slice(1, -1);
  return rows.slice(2).map((line) => cellsOf(line).map((cell) => cell.trim()));
};
const namesIn = (cell = ""): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

it("lists every option, and the default of each figure", () => {
  const rows = tableBelow("Options", "options");
  const resolved = resolveOptions({ serviceName: "svc" });
  expect(rows.flatMap(([names]) => namesIn(names)).sort()).toEqual(Object.keys(resolved).sort());
  const figures = rows.flatMap(([names, , defaults = ""]) => {
    const values = [...defaults.matchAll(/(?<![\w.])\d+(?![\w.])/g)].map(([text]) => Number(text));
    return namesIn(names).map((name, at) => [name, values[at]] as const);
  });
  const wrong = figures.filter(([name, value]) => {
    const own = resolved[name as keyof typeof resolved];
    return typeof own === "number" && own !== value;
  });
  expect(wrong).toEqual([]);
});

it("has the tables of options and variables as they are generated", () => {
  expect(readme, "npm run generate writes them").toBe(withTables(readme));
});

it("lists every variable that the code reads, and none that it does not", () => {
  const sources = readdirSync(fileURLToPath(new URL("../src/", import.meta.url)), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(?:ts|js|cjs)$/.test(file) && !file.startsWith("config/") && file !== "environment.ts")
    .map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8"));
  const names = /(?<![\w.])(?:SG|OPENAI)_(?!ERR_)[A-Z_]+|(?<=fromEnvironment\(")\w+(?="\))/g;
  const read = new Set(sources.flatMap((text) => [...text.matchAll(names)].map(([name]) => name)));
  /** of the system and of package managers, whose meaning is theirs */
  const foreign = ["PATH", "_", "INIT_CWD", "npm_lifecycle_event", "npm_package_version"];
  const listed = [...optionVariables.values(), ...variableRows.map(({ variable }) => variable)];
  const own = listed.filter((name) => name !== undefined);
  expect([...read].filter((name) => !foreign.includes(name)).sort()).toEqual(own.sort());
  expect([...variables].sort()).toEqual(own);
});

it("lists every fact with its level", () => {
  const rows = tableBelow("Facts");
  expect(rows.flatMap(([names]) => namesIn(names)).sort()).toEqual(Object.keys(factLevels).sort());
  for (const [names, levels = ""] of rows) {
    const known = namesIn(names).map((name) => factLevels[name as keyof typeof factLevels]);
    expect(levels.split(", "), names).toEqual(expect.arrayContaining([...new Set(known)]));
  }
});

it.each(samples.filter((code) => code.includes("launch(")).map((code, at) => [at + 1, code]))(
  "sample %i boots, runs and stops, under node and under stargazer run",
  async (at, code) => {
    const file = `${folder}sample-${at}.js`;
    writeFileSync(file, String(code));
    // the samples write keys of their own
    const env = { REDIS_URL: redis.adminUrl, SG_HEALTH_PORT: "0", SG_BOOT_JITTER_MS: "0" };
    const program = new Program(file, { env });
    await program.state("running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    const run = shell.start(["run", file], env);
    await run.line("that it runs", (line) => line.includes('"state":"running"'));
    run.child.kill("SIGTERM");
    const { code: exitCode, out } = await run.ended;
    expect([exitCode, out.includes('"state":"stopped"')]).toEqual([0, true]);
  },
);
