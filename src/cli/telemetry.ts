/** `telemetry`: writes alerts, dashboard and runbook. */
import type { Arguments, Command } from "./command.ts";
import { jsonDetail, jsonOption, refuse, unknownWord } from "./command.ts";
import { printJson, printText } from "./print.ts";

const defaultWindow = "5m";
const defaultRunbook = "RUNBOOK.md";
/** a duration of Prometheus */
const duration = /^(?:\d+(?:ms|[smhdwy]))+$/;

/** What each argument prints. */
const writers: Readonly<Record<string, (args: Arguments, window: string) => Promise<void>>> = {
  alerts: async (args, window) => {
    const { alertsFile, rulesOf } = await import("../telemetry/alerts.ts");
    const options = { window, lasts: args.text("for"), runbook: args.text("runbook") ?? defaultRunbook };
    if (args.has("json")) printJson({ groups: [{ name: "stargazer", rules: rulesOf(options) }] }, 2);
    else printText(alertsFile(options));
  },
  dashboard: async (_args, window) => {
    const { dashboardOf } = await import("../telemetry/dashboard.ts");
    printJson(dashboardOf({ window }), 2);
  },
  runbook: async (args, window) => {
    const { runbookOf, sectionsOf } = await import("../telemetry/runbook.ts");
    if (args.has("json")) printJson(sectionsOf({ window }), 2);
    else printText(runbookOf({ window }));
  },
};
const names = Object.keys(writers);

export const telemetry: Command = {
  name: "telemetry",
  summary: "writes alerts for Prometheus, a dashboard for Grafana and the runbook that both lead to",
  synopsis: "<alerts | dashboard | runbook> [--window 5m] [--for 1m] [--runbook URL] [--json]",
  details: [
    ["alerts", "rules of Prometheus; each leads to a section of the runbook"],
    ["dashboard", "a dashboard for Grafana, as JSON: an overview, and a panel for each alert"],
    ["runbook", "Markdown: for each alert what it means on the chart, where to look and what to do"],
    ["--window DURATION", `how far back rules and panels look; default ${defaultWindow}`],
    ["--for DURATION", "how long each condition has to last, in place of its own time; alerts only"],
    ["--runbook URL", `where the runbook is published; default ${defaultRunbook}; alerts only`],
    jsonDetail,
    "The alerts on the fleet need the metrics of a web tier; the others need those of each instance.",
  ],
  options: { window: { type: "string" }, for: { type: "string" }, runbook: { type: "string" }, ...jsonOption },
  async run(args) {
    const [kind = "", ...more] = args.positionals;
    if (!names.includes(kind)) args.problems.push(unknownWord("kind", kind, names));
    if (more.length > 0) args.problems.push(`unexpected argument ${JSON.stringify(more[0])}`);
    for (const option of ["window", "for"])
      if (!duration.test(args.text(option) ?? "0s")) args.problems.push(`--${option} must be a duration such as 30s or 5m`);
    for (const option of ["for", "runbook"])
      if (kind !== "alerts" && args.text(option) !== undefined) args.problems.push(`--${option} is for alerts`);
    refuse(args, telemetry);
    await writers[kind]!(args, args.text("window") ?? defaultWindow);
    return 0;
  },
};
