/** The tables of the documentation: each option of a service, and each other variable. */
import { numberDefaults, optionVariables } from "../service/options/options.ts";
import { variableRows } from "./variables.ts";

interface OptionRow {
  readonly option: string;
  /** the default in words; for a number, that of its rule */
  readonly fallback?: string;
  readonly meaning: string;
}

const optionRows: readonly OptionRow[] = [
  { option: "serviceName", fallback: "", meaning: "the tier's name in the registry" },
  { option: "instanceId", fallback: "host name, pid, random", meaning: "identity among its replicas; `up` sets the variable" },
  {
    option: "redis",
    fallback: "`redis://127.0.0.1:6379`",
    meaning: "an ioredis client that you own, a URL, or `null` for none",
  },
  { option: "redisRequired", fallback: "`true`", meaning: "with `false` it boots degraded and registers once Redis passes" },
  { option: "useHealthServer", fallback: "whether there is a Redis", meaning: "" },
  { option: "healthPort", meaning: "0 picks a free one, which `service.healthAddress` names" },
  { option: "healthHost", fallback: "127.0.0.1", meaning: "Kubernetes needs 0.0.0.0, or :: for IPv6" },
  { option: "allowedHosts", fallback: "none", meaning: "names under which its HTTP servers answer: see below" },
  { option: "probeThread", fallback: "`true`", meaning: "probes are answered also while the event loop is blocked" },
  { option: "readinessBlockMs", meaning: "blocked for longer: `/readyz` answers 503" },
  { option: "livenessBlockMs", meaning: "blocked for longer: `/healthz` answers 503" },
  { option: "checks", fallback: "none", meaning: "what `/readyz` depends on beside Redis: see below" },
  { option: "livenessChecks", fallback: "none", meaning: "what `/healthz` depends on: see below" },
  { option: "metrics", fallback: "none", meaning: "what `/metrics` has beside Stargazer's own: see below" },
  { option: "jitterMaxMs", meaning: "a random wait before Redis is touched" },
  { option: "pingAttempts", meaning: "attempts of the ping gate" },
  { option: "pingTimeoutMs", meaning: "for one of them" },
  { option: "startTimeoutMs", meaning: "for `onStart`" },
  { option: "registerTimeoutMs", meaning: "for writing the registry entry, and for deleting it" },
  { option: "healthTimeoutMs", meaning: "for opening the health server, and for closing it" },
  { option: "closeHealth", fallback: "`first`", meaning: "`last`: the health port stays to the end of stopping" },
  { option: "drainDelayMs", meaning: "time for load balancers to notice that readiness fell" },
  { option: "drainTimeoutMs", meaning: "for `onStart` and `run` after their signal aborted" },
  { option: "stopTimeoutMs", meaning: "for `onStop` and what was deferred, which keeps a quarter of it" },
  { option: "shutdownTimeoutMs", meaning: "for the whole of stopping, under Kubernetes' 30 s" },
  { option: "leaseTtlMs", meaning: "how long the registry entry lives without a beat" },
  { option: "heartbeatMs", meaning: "between beats, at most a third of it" },
  { option: "metadata", fallback: "`{}`", meaning: "carried in the registry entry" },
  { option: "logger", fallback: "standard output", meaning: "any logger like pino: see Log" },
  { option: "logLevel", fallback: "`info`", meaning: "of the default logger: `debug`, `info`, `warn`, `error`, `silent`" },
];

const code = (text: string | undefined): string => (text === undefined ? "" : `\`${text}\``);

/** Cells padded to their column, as the formatter of Markdown writes them. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((title, at) => Math.max(title.length, 3, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
};

const optionsTable = (): string =>
  table(
    ["option", "variable", "default", ""],
    optionRows.map(({ option, fallback, meaning }) => [
      code(option),
      code(optionVariables.get(option)),
      fallback ?? String(numberDefaults.get(option)),
      meaning,
    ]),
  );

const variablesTable = (): string =>
  table(
    ["variable", "read by", "default", ""],
    variableRows.map(({ variable, readBy, fallback, meaning }) => [
      code(variable),
      readBy.map((reader) => (reader === "services" || reader === "commands" ? reader : code(reader))).join(", "),
      fallback,
      meaning,
    ]),
  );

/** Replaces the text between the two marks of a name. */
const between = (text: string, name: string, written: string): string => {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [begin, end] = [text.indexOf(open), text.indexOf(close)];
  if (begin < 0 || end < begin) throw new Error(`there are no marks ${open} and ${close}`);
  return `${text.slice(0, begin + open.length)}\n\n${written}\n\n${text.slice(end)}`;
};

/** A README with its tables written anew, between `<!-- options -->` and `<!-- variables -->` and their ends. */
export const withTables = (readme: string): string =>
  between(between(readme, "options", optionsTable()), "variables", variablesTable());
