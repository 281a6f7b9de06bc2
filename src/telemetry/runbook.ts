/** The runbook: a section for each situation, in Markdown. */
import { anchorOf } from "./alerts.ts";
import type { Situation, Times } from "./situation.ts";
import { situations } from "./situations.ts";

const command = (text: string): string => (/^(?:stargazer|redis-cli|node|\/)/.test(text) ? `\`${text}\`` : text);

const sectionOf = (situation: Situation, times: Times): string[] => [
  `## ${situation.title}`,
  "",
  `Alert \`${situation.name}\`, ${situation.severity}, after ${situation.lasts}:`,
  "",
  "```promql",
  situation.condition(times),
  "```",
  "",
  `**What it means on the chart.** ${situation.meaning}`,
  "",
  "**Where to look**",
  "",
  ...situation.look.map(([where, shows]) => `- ${command(where)}: ${shows}`),
  "",
  "**What to do**",
  "",
  ...situation.act.map((action) => `- ${action}`),
  "",
];

/** The sections as data. */
export const sectionsOf = (times: Times): object[] =>
  situations.map(({ name, title, severity, lasts, condition, meaning, look, act }) => ({
    ...{ alert: name, title, severity, lasts, condition: condition(times), meaning },
    look: look.map(([where, shows]) => ({ where, shows })),
    act,
  }));

export const runbookOf = (times: Times): string =>
  [
    "# Runbook",
    "",
    "Written by `stargazer telemetry runbook` from the table that the alerts and the dashboard are written from.",
    "",
    "| situation | alert | severity |",
    "| --- | --- | --- |",
    ...situations.map((row) => `| [${row.title}](#${anchorOf(row)}) | \`${row.name}\` | ${row.severity} |`),
    "",
    ...situations.flatMap((row) => sectionOf(row, times)),
  ].join("\n");
