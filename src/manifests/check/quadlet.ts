/** Checks a container of podman's Quadlet: podman makes a unit of systemd from it. */
import { budgetsOf } from "../budgets.ts";
import { problemOfWords, wordsOf } from "./command.ts";
import { shownMs, systemdMs } from "./durations.ts";
import type { Checked } from "./finding.ts";
import { healthCheckProblems } from "./health-check.ts";
import { signalProblems } from "./signals.ts";
import { environmentIn, settingsIn } from "./unit.ts";
import { variableProblems } from "./variables.ts";

type Last = (name: string) => string | undefined;
const lastIn =
  (settings: ReadonlyMap<string, readonly string[]>): Last =>
  (name) =>
    settings.get(name)?.at(-1);

/** podman kills after the container's own timeout, systemd after that of the unit. */
const stopProblems = (container: Last, service: Last, podmanArgs: string, stopMs: number): string[] => {
  const given = container("StopTimeout") ?? /--stop-timeout[= ](\d+)/.exec(podmanArgs)?.[1];
  const unitMs = systemdMs(service("TimeoutStopSec") ?? "90");
  const needed = Math.ceil(stopMs / 1000);
  return [
    ...(Number(given ?? 10) * 1000 < stopMs
      ? [`StopTimeout is ${given ?? "10 (the default)"}, and stopping may last ${shownMs(stopMs)}: set at least ${needed}`]
      : []),
    ...(unitMs > 0 && unitMs < stopMs ? [`TimeoutStopSec is ${shownMs(unitMs)}, and stopping may last ${shownMs(stopMs)}`] : []),
  ];
};

/** One command, or a list in JSON. */
const entryPointOf = (container: Last): readonly string[] => {
  const text = container("Entrypoint") ?? "";
  return text.startsWith("[") ? [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) => word!) : wordsOf(text);
};

export const quadletProblems = (texts: readonly string[], checked: Checked): string[] => {
  const settings = settingsIn(texts, "Container");
  const [container, service] = [lastIn(settings), lastIn(settingsIn(texts, "Service"))];
  const variables = environmentIn(settings.get("Environment") ?? []);
  const budgets = budgetsOf(checked, variables);
  const signals = problemOfWords([...entryPointOf(container), ...wordsOf(container("Exec") ?? "")]);
  const startMs = systemdMs(service("TimeoutStartSec") ?? "90");
  return [
    ...variableProblems(checked.options, variables),
    ...(signals === undefined ? [] : [`Exec: ${signals}`]),
    ...stopProblems(container, service, (settings.get("PodmanArgs") ?? []).join(" "), budgets.stopMs),
    ...signalProblems(container("StopSignal"), "StopSignal="),
    // without Notify podman sends READY as soon as the container has started
    ...(/^(?:yes|true|1|on|healthy)$/i.test(container("Notify") ?? "") && startMs > 0 && startMs < budgets.bootMs
      ? [`TimeoutStartSec is ${shownMs(startMs)}, and the boot may last ${shownMs(budgets.bootMs)}`]
      : []),
    ...healthCheckProblems(
      {
        test: wordsOf(container("HealthCmd") ?? ""),
        startPeriod: container("HealthStartPeriod"),
        interval: container("HealthInterval"),
        retries: container("HealthRetries"),
      },
      budgets,
      variables,
    ),
  ];
};
