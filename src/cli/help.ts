/** The help of the command line, in lines as long as the terminal is wide. */
import type { Command } from "./command.ts";
import { wrapped } from "./terminal.ts";

/** Lines behind a label, as long as a terminal is wide; elsewhere one line. */
const hanging = (label: string, text: string): string[] => {
  const width = process.stdout.isTTY ? Math.max(40, process.stdout.columns - label.length) : Number.POSITIVE_INFINITY;
  return wrapped(text, width).map((line, at) => `${at === 0 ? label : " ".repeat(label.length)}${line}`);
};

/** Aligns the meanings in one column. */
const detailLines = (details: Command["details"]): string[] => {
  const width = Math.max(...details.map((detail) => (typeof detail === "string" ? 0 : detail[0].length)));
  return details.flatMap((detail) =>
    typeof detail === "string" ? hanging("  ", detail) : hanging(`  ${detail[0].padEnd(width)}  `, detail[1]),
  );
};

export const helpOf = ({ name, summary, synopsis, details }: Command): string[] => [
  ...hanging(`stargazer ${name} `, synopsis).map((line) => line.trimEnd()),
  "",
  `  ${summary}`,
  ...(details.length > 0 ? [""] : []),
  ...detailLines(details),
];

export const overviewOf = (commands: readonly Command[]): string[] => [
  "stargazer <command> [options]",
  "",
  ...commands.flatMap(({ name, summary }) => hanging(`  ${name.padEnd(10)}`, summary)),
  "",
  "  --help      of all, or of a command",
  "  --version",
];
