/** Checks a compose file. */
import { isLoopback } from "../../loopback.ts";
import type { Budgets } from "../budgets.ts";
import { budgetsOf } from "../budgets.ts";
import { problemOfWords, wordsOf } from "./command.ts";
import { composeMs, shownMs } from "./durations.ts";
import type { Checked, Finding } from "./finding.ts";
import { at, listAt, textAt } from "./finding.ts";
import { healthCheckProblems } from "./health-check.ts";
import { signalProblems } from "./signals.ts";
import type { Candidate } from "./signs.ts";
import { runningService } from "./signs.ts";
import type { Given } from "./variables.ts";
import { isOpen, settled, variableProblems } from "./variables.ts";

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
/** compose splits a text itself, without a shell */
const commandOf = (value: unknown): string[] => (typeof value === "string" ? wordsOf(value) : strings(value));

/** compose takes the value from its own environment */
const unknown = "$";

const variablesOf = (service: unknown): Given => {
  const given = at(service, "environment");
  const entries = Array.isArray(given)
    ? given
        .map(String)
        .map((entry) => [entry.split("=", 1)[0]!, entry.includes("=") ? entry.slice(entry.indexOf("=") + 1) : unknown])
    : Object.entries((given as object | undefined) ?? {}).map(([name, value]) => [
        name,
        value === null ? unknown : String(value),
      ]);
  return settled(entries as [string, string][], unknown);
};

const healthProblems = (service: unknown, budgets: Budgets, variables: Given): string[] => {
  const check = at(service, "healthcheck");
  if (at(check, "disable") === true) return [];
  const [startPeriod, interval, retries] = ["start_period", "interval", "retries"].map((name) => textAt(check, name));
  return healthCheckProblems({ test: commandOf(at(check, "test")), startPeriod, interval, retries }, budgets, variables);
};

/** A service without an image is a part of one that stands in another file. */
const isPart = (service: unknown): boolean => ["image", "build"].every((name) => at(service, name) === undefined);

const graceProblems = (service: unknown, { stopMs }: Budgets): string[] => {
  const text = textAt(service, "stop_grace_period");
  if (text === undefined && isPart(service)) return [];
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

/** Whether the container's side of a published port, or of a range of them, is this one. */
const isPublished = (service: unknown, port: number): boolean =>
  listAt(service, "ports").some((published) => {
    const inner = textAt(published, "target") ?? String(published).split("/")[0]!.split(":").at(-1)!;
    const [from = Number.NaN, to = from] = inner.split("-").map(Number);
    return from <= port && port <= to;
  });

const isHostNetwork = (service: unknown): boolean => textAt(service, "network_mode") === "host";

const reachProblems = (service: unknown, budgets: Budgets, variables: Given, isWhole: boolean): string[] => {
  const url = variables.get("REDIS_URL");
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
  return [
    ...(isWhole && !isHostNetwork(service) && isLoopback(budgets.healthHost) && isPublished(service, budgets.healthPort)
      ? [
          `the health port ${budgets.healthPort} is published, and the health server listens on ${budgets.healthHost} of its container: set SG_HEALTH_HOST to 0.0.0.0`,
        ]
      : []),
    ...(host !== undefined && !isHostNetwork(service) && isLoopback(host)
      ? [`REDIS_URL names ${host}, which is the container itself: name the service of Redis, as redis://redis:6379`]
      : []),
  ];
};

/** Whether another service waits for its end, or it is started by hand only. */
const runsOnce = (name: string, service: unknown, services: readonly unknown[]): boolean =>
  textAt(service, "restart") === "no" ||
  listAt(service, "profiles").length > 0 ||
  services.some((other) => textAt(other, "depends_on", name, "condition") === "service_completed_successfully");

const dependenciesOf = (service: unknown): string[] => {
  const given = at(service, "depends_on");
  return Array.isArray(given) ? given.map(String) : Object.keys((given as object | undefined) ?? {});
};

const servicesOf = (file: unknown, own: string): readonly [string, unknown][] => {
  const all = Object.entries((at(file, "services") as object | undefined) ?? {});
  const services = all.map(([, service]) => service);
  return runningService(
    all,
    own,
    ([name, service]): Candidate => ({
      name,
      image: textAt(service, "image") ?? "",
      variables: [...variablesOf(service).keys()],
      commands: ["command", "entrypoint", "healthcheck"].map((part) => at(service, part)),
      runsOnce: runsOnce(name, service, services),
      isNeeded: services.some((other) => dependenciesOf(other).includes(name)),
    }),
  );
};

export const composeFindings = (file: unknown, checked: Checked): Finding[] =>
  servicesOf(file, budgetsOf(checked).service).flatMap(([name, service]) => {
    const variables = variablesOf(service);
    const budgets = budgetsOf(checked, variables);
    const words = [...commandOf(at(service, "entrypoint")), ...commandOf(at(service, "command"))];
    const signals = problemOfWords(words);
    const problems = [
      ...variableProblems(checked.options, variables),
      ...(signals === undefined ? [] : [signals]),
      ...graceProblems(service, budgets),
      ...signalProblems(textAt(service, "stop_signal"), "stop_signal "),
      ...healthProblems(service, budgets, variables),
      ...reachProblems(
        service,
        budgets,
        variables,
        at(service, "env_file") === undefined && !isOpen(variables, "SG_HEALTH_HOST"),
      ),
    ];
    return problems.map((problem) => ({ where: `service ${name}`, problem }));
  });
