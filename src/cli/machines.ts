/** `machines`: the charts as pictures, as Mermaid, and as JSON for Stately's editor. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { didYouMean } from "../closest.ts";
import type { ChartFormat, ChartName } from "../drawing/index.ts";
import { chartFormats, chartNames, isChartName, pictureFiles, readmeFile, renderChart, tableFile } from "../drawing/index.ts";
import { StargazerError } from "../errors.ts";
import type { Arguments, Command } from "./command.ts";
import { refuse } from "./command.ts";
import { print, printText } from "./print.ts";

const isFormat = (text: string): text is ChartFormat => (chartFormats as readonly string[]).includes(text);

const problemsOf = ({ positionals, text, has }: Arguments): string[] => {
  const [name, ...more] = positionals;
  const format = text("format") ?? "svg";
  return [
    ...(more.length > 0 ? ["name one machine, or none for all"] : []),
    ...(name !== undefined && !isChartName(name)
      ? [`unknown machine ${JSON.stringify(name)}${didYouMean(name, chartNames)}: name one of ${chartNames.join(", ")}`]
      : []),
    ...(isFormat(format) ? [] : [`unknown format ${JSON.stringify(format)}: use ${chartFormats.join(", ")}`]),
    ...(name === undefined && text("format") !== undefined && !has("write") ? ["--format needs the name of a machine"] : []),
  ];
};

const readSource = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StargazerError("SG_ERR_CONFIG_INVALID", `there is no ${path} here: run it in the project's folder`, { cause });
  }
};

/** The files are the package's own; in the folder of a user they would be in the way. */
const refuseElsewhere = (): void => {
  const { name } = JSON.parse(readSource("package.json")) as { name?: unknown };
  if (name === "stargazer") return;
  throw new StargazerError(
    "SG_ERR_CONFIG_INVALID",
    "--write is for the folder of Stargazer itself. Here: stargazer machines NAME > NAME.svg",
  );
};

/** Every file is drawn before the first is written. */
const write = async (names: readonly ChartName[], withReadme: boolean): Promise<void> => {
  refuseElsewhere();
  const files = new Map([...(await pictureFiles(names)), ...(withReadme ? [readmeFile(readSource), tableFile()] : [])]);
  for (const [path, text] of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    print(path);
  }
};

export const machines: Command = {
  name: "machines",
  summary: "prints the charts as pictures, Mermaid or JSON for Stately's editor",
  synopsis: "[NAME] [--format svg|mermaid|json] [--write]",
  details: [
    ["NAME", `${chartNames.join(", ")}; without one they are listed`],
    ["--format F", "svg (default), mermaid, or json for Stately's editor"],
    [
      "--write",
      "for this package's own tree: into visualizations/, all formats; without NAME also machines/README.md and the table of the chat",
    ],
  ],
  options: { format: { type: "string" }, write: { type: "boolean" } },
  async run(args) {
    args.problems.push(...problemsOf(args));
    refuse(args, machines);
    const [name] = args.positionals as [ChartName?];
    if (args.has("write")) await write(name === undefined ? chartNames : [name], name === undefined);
    else if (name === undefined) print(chartNames);
    else printText(await renderChart(name, (args.text("format") ?? "svg") as ChartFormat));
    return 0;
  },
};
