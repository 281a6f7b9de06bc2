/** Checks a compose file and a Dockerfile. */
import { isLoopback } from "../../loopback.ts";
import type { Budgets } from "../budgets.ts";
import { budgetsOf } from "../budgets.ts";
import { problemOfWords, wordsOf } from "./command.ts";
import { composeMs, shownMs } from "./durations.ts";
import type { Checked, Finding } from "./finding.ts";
import { at, listAt, textAt } from "./finding.ts";
import { signalNamed, stopsAt } from "./unit.ts";
import { variableProblems } from "./variables.ts";

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
/** compose splits a text itself, without a shell */
const commandOf = (value: unknown): string[] => (typeof value === "string" ? wordsOf(value) : strings(value));

/** compose takes the value from its own environment */
const unknown = "$";

const variablesOf = (service: unknown): Map<string, string> => {
  const given = at(service, "environment");
  const entries = Array.isArray(given)
    ? given
        .map(String)
        .map((entry) => [entry.split("=", 1)[0]!, entry.includes("=") ? entry.slice(entry.indexOf("=") + 1) : unknown])
    : Object.entries((given as object | undefined) ?? {}).map(([name, value]) => [
        name,
        value === null ? unknown : String(value),
      ]);
  // what compose fills in is not known
  return new Map(entries.filter(([, value]) => !value!.includes("$")) as [string, string][]);
};

const signalProblems = (text: string | undefined, what: string): string[] =>
  text === undefined || stopsAt(text)
    ? []
    : [`${what} ${signalNamed(text)} ends the process without a stop: leave it out, or write SIGTERM`];

interface Check {
  readonly test: readonly string[];
  readonly startMs: number;
  readonly intervalMs: number;
  readonly retries: number;
}

const checkProblems = ({ test, startMs, intervalMs, retries }: Check, { bootMs, healthPort, hasHealth }: Budgets): string[] => {
  const [, port, path = "/"] =
    /https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::(\d+))?(\/[\w./-]*)?/.exec(test.join(" ")) ?? [];
  const asked = port === undefined && !/https?:\/\//.test(test.join(" ")) ? undefined : Number(port ?? 80);
  const lastsMs = startMs + intervalMs * retries;
  return [
    ...(lastsMs < bootMs
      ? [
          `the health check gives up after ${shownMs(lastsMs)} (start period + interval × retries), and the boot may last ${shownMs(bootMs)}`,
        ]
      : []),
    ...(hasHealth && asked !== undefined && healthPort !== 0 && asked !== healthPort
      ? [`the health check asks port ${asked}, and the health server listens on ${healthPort}`]
      : []),
    ...(asked !== undefined && !["/healthz", "/readyz"].includes(path)
      ? [`the health check asks ${path}, and there is no such route: ask /healthz`]
      : []),
  ];
};

const healthProblems = (service: unknown, budgets: Budgets): string[] => {
  const check = at(service, "healthcheck");
  const test = commandOf(at(check, "test"));
  if (check === undefined || at(check, "disable") === true || test[0] === "NONE" || test.length === 0) return [];
  const found: string[] = [];
  const timeOf = (name: string, fallback: string): number => {
    const text = textAt(check, name) ?? fallback;
    const ms = composeMs(text);
    if (Number.isNaN(ms))
      found.push(`${name} of the health check is ${JSON.stringify(text)}, which is no duration: write it with its unit, as 30s`);
    return Number.isNaN(ms) ? composeMs(fallback) : ms;
  };
  const [startMs, intervalMs] = [timeOf("start_period", "0s"), timeOf("interval", "30s")];
  return [...found, ...checkProblems({ test, startMs, intervalMs, retries: Number(at(check, "retries") ?? 3) }, budgets)];
};

const graceProblems = (service: unknown, { stopMs }: Budgets): string[] => {
  const text = textAt(service, "stop_grace_period");
  const ms = composeMs(text ?? "10s");
  if (Number.isNaN(ms))
    return [
      `stop_grace_period is ${JSON.stringify(text)}, which is no duration: write it with its unit, as ${Math.ceil(stopMs / 1000)}s`,
    ];
  return ms >= stopMs
    ? []
    : [
        `stop_grace_period is ${shownMs(ms)}${text === undefined ? " (the default)" : ""}, and stopping may last ${shownMs(stopMs)}: set at least ${Math.ceil(stopMs / 1000)}s`,
      ];
};

/** The container's side of each published port. */
const publishedPorts = (service: unknown): number[] =>
  listAt(service, "ports").map((port) => Number(textAt(port, "target") ?? String(port).split("/")[0]!.split(":").at(-1)));

const isHostNetwork = (service: unknown): boolean => textAt(service, "network_mode") === "host";

const reachProblems = (
  service: unknown,
  budgets: Budgets,
  variables: ReadonlyMap<string, string>,
  isWhole: boolean,
): string[] => {
  const url = variables.get("REDIS_URL");
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
  return [
    ...(isWhole &&
    !isHostNetwork(service) &&
    isLoopback(budgets.healthHost) &&
    publishedPorts(service).includes(budgets.healthPort)
      ? [
          `the health port ${budgets.healthPort} is published, and the health server listens on ${budgets.healthHost} of its container: set SG_HEALTH_HOST to 0.0.0.0`,
        ]
      : []),
    ...(host !== undefined && !isHostNetwork(service) && isLoopback(host)
      ? [`REDIS_URL names ${host}, which is the container itself: name the service of Redis, as redis://redis:6379`]
      : []),
  ];
};

const looksOurs = (service: unknown): boolean =>
  [...variablesOf(service).keys()].some((name) => name.startsWith("SG_")) ||
  /stargazer|\bnode\b|\bnpx\b|\bnpm\b|\byarn\b|\bpnpm\b|\/healthz|\/readyz/.test(
    JSON.stringify([at(service, "command"), at(service, "entrypoint"), at(service, "healthcheck")]),
  );

/** Services of other images, a Redis for example, are not checked. */
const servicesOf = (file: unknown): [string, unknown][] => {
  const all = Object.entries((at(file, "services") as object | undefined) ?? {});
  const ours = all.filter(([, service]) => looksOurs(service));
  return ours.length > 0 ? ours : all.filter(([, service]) => at(service, "build") !== undefined);
};

export const composeFindings = (file: unknown, checked: Checked): Finding[] =>
  servicesOf(file).flatMap(([name, service]) => {
    const variables = variablesOf(service);
    const budgets = budgetsOf(checked, variables);
    const words = [...commandOf(at(service, "entrypoint")), ...commandOf(at(service, "command"))];
    const signals = problemOfWords(words);
    const problems = [
      ...variableProblems(checked.options, variables),
      ...(signals === undefined ? [] : [signals]),
      ...graceProblems(service, budgets),
      ...signalProblems(textAt(service, "stop_signal"), "stop_signal"),
      ...healthProblems(service, budgets),
      ...reachProblems(service, budgets, variables, at(service, "env_file") === undefined),
    ];
    return problems.map((problem) => ({ where: `service ${name}`, problem }));
  });

/** Each instruction with its text, lines that are continued joined, of the last stage only. */
const instructionsIn = (text: string): [string, string][] => {
  const lines = text
    .replaceAll(/^\s*#.*$/gm, "")
    .replaceAll(/[\\`]\r?\n\s*/g, " ")
    .split(/\r?\n/);
  const all = lines.flatMap((line): [string, string][] => {
    const [, name, rest = ""] = /^\s*([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name.toUpperCase(), rest.trim()]];
  });
  return all.slice(all.findLastIndex(([name]) => name === "FROM"));
};

const formOf = (text: string): { readonly words: readonly string[]; readonly isShell: boolean } => {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return { words: parsed.map(String), isShell: false };
  } catch {
    // the form of a shell
  }
  return { words: ["sh", "-c", text], isShell: true };
};

export const dockerfileProblems = (text: string, checked: Checked): string[] => {
  const instructions = instructionsIn(text);
  const last = (name: string): string | undefined => instructions.findLast(([one]) => one === name)?.[1];
  const variables = new Map(
    instructions
      .filter(([name]) => name === "ENV")
      .flatMap(([, rest]) => (/^\w+=/.test(rest) ? wordsOf(rest.replaceAll(/=("|')/g, "$1=")) : [rest.replace(/\s+/, "=")]))
      .filter((entry) => entry.includes("=") && !entry.includes("$"))
      .map((entry): [string, string] => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
  const budgets = budgetsOf(checked, variables);
  const [entry, command] = [last("ENTRYPOINT"), last("CMD")].map((line) => (line === undefined ? undefined : formOf(line)));
  const words =
    entry === undefined ? (command?.words ?? []) : entry.isShell ? entry.words : [...entry.words, ...(command?.words ?? [])];
  const signals = problemOfWords(words);
  const check = last("HEALTHCHECK");
  const option = (name: string): string | undefined => new RegExp(`--${name}=(\\S+)`).exec(check ?? "")?.[1];
  return [
    ...variableProblems(checked.options, variables),
    ...(signals === undefined ? [] : [signals]),
    ...signalProblems(last("STOPSIGNAL"), "STOPSIGNAL"),
    ...(check === undefined || /^NONE\b/i.test(check)
      ? []
      : checkProblems(
          {
            test: wordsOf(check),
            startMs: composeMs(option("start-period") ?? "0s"),
            intervalMs: composeMs(option("interval") ?? "30s"),
            retries: Number(option("retries") ?? 3),
          },
          budgets,
        )),
  ];
};
