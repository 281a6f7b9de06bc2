/** Checks a systemd unit with its drop-ins. */
import { budgetsOf } from "../budgets.ts";
import { problemOfWords, sleepSeconds, wordsOf } from "./command.ts";
import { shownMs, systemdMs } from "./durations.ts";
import type { Checked } from "./finding.ts";
import { variableProblems } from "./variables.ts";

/** The settings of `[Service]`: each with its values in order; an empty one takes back those before it. */
const settingsIn = (texts: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const settings = new Map<string, string[]>();
  for (const text of texts) {
    let section = "";
    for (const line of text.replaceAll(/\\\r?\n(?:[#;].*\r?\n)*/g, " ").split(/\r?\n/)) {
      const header = /^\s*\[(.+)\]\s*$/.exec(line)?.[1];
      if (header !== undefined) section = header;
      const [, name, value = ""] = /^\s*([A-Za-z][\w-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || section !== "Service") continue;
      settings.set(name, value === "" ? [] : [...(settings.get(name) ?? []), value]);
    }
  }
  return settings;
};

const environmentIn = (values: readonly string[]): Map<string, string> =>
  new Map(
    values
      .flatMap((value) => [...value.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\s"']|"[^"]*"|'[^']*')+)/g)])
      .map(([, double, single, plain]) => (double ?? single ?? plain ?? "").replaceAll(/["']/g, ""))
      .filter((entry) => entry.includes("="))
      .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );

/** Without the marks that systemd reads in front of a command. */
const commandOf = (text: string): string[] => wordsOf(text.replace(/^[-@:+!|]+/, ""));

const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"];
const numbers: Readonly<Record<string, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  9: "SIGKILL",
  12: "SIGUSR2",
  15: "SIGTERM",
};
/** The full name of a signal. */
export const signalNamed = (text: string): string => numbers[text] ?? (text.startsWith("SIG") ? text : `SIG${text}`);
/** Whether the signal stops a service in order. */
export const stopsAt = (text: string): boolean => stopSignals.includes(signalNamed(text.toUpperCase()));

const isOn = (text: string): boolean => /^(?:1|yes|y|true|t|on)$/i.test(text);

const timeProblems = (
  last: (name: string) => string | undefined,
  checked: Checked,
  variables: ReadonlyMap<string, string>,
): string[] => {
  const { bootMs, stopMs, livenessBlockMs } = budgetsOf(checked, variables);
  const found: string[] = [];
  const timeOf = (name: string, fallback: string): number => {
    const text = last(name) ?? fallback;
    const ms = systemdMs(text);
    if (Number.isNaN(ms)) found.push(`${name}=${text} is no duration of systemd, which takes its default`);
    return Number.isNaN(ms) ? systemdMs(fallback) : ms;
  };
  const isNamed = (name: string) => (last(name) === undefined && last("TimeoutSec") !== undefined ? "TimeoutSec" : name);
  const isOff = (ms: number) => ms === 0;
  const type = last("Type") ?? "simple";
  const startMs = timeOf(isNamed("TimeoutStartSec"), "90");
  const endMs = timeOf(isNamed("TimeoutStopSec"), "90");
  if (/^notify/.test(type) && !isOff(startMs) && startMs < bootMs)
    found.push(`${isNamed("TimeoutStartSec")} is ${shownMs(startMs)}, and the boot may last ${shownMs(bootMs)}`);
  if (!isOff(endMs) && endMs < stopMs)
    found.push(`${isNamed("TimeoutStopSec")} is ${shownMs(endMs)}, and stopping may last ${shownMs(stopMs)}`);
  const watchdogMs = timeOf("WatchdogSec", "0");
  if (watchdogMs > 0 && watchdogMs < livenessBlockMs)
    found.push(
      `WatchdogSec is ${shownMs(watchdogMs)}, and the event loop may be blocked for ${shownMs(livenessBlockMs)} (livenessBlockMs) before the service counts as dead`,
    );
  return found;
};

const notifyProblems = (last: (name: string) => string | undefined): string[] => {
  const type = last("Type") ?? "simple";
  const isNotify = /^notify/.test(type);
  const access = last("NotifyAccess") ?? (isNotify ? "main" : "none");
  const needs = isNotify || systemdMs(last("WatchdogSec") ?? "0") > 0;
  return [
    ...(/^(?:forking|oneshot|dbus|idle)$/.test(type)
      ? [`Type=${type}: the service neither forks nor ends; write Type=notify, or exec`]
      : []),
    ...(needs && access !== "all"
      ? [
          `NotifyAccess is ${access}${last("NotifyAccess") === undefined ? " (the default)" : ""}: what systemd-notify sends is dropped, so write NotifyAccess=all`,
        ]
      : []),
  ];
};

const killProblems = (
  last: (name: string) => string | undefined,
  all: (name: string) => readonly string[],
  drainDelayMs: number,
): string[] => {
  const signal = last("KillSignal") ?? "SIGTERM";
  const mode = last("KillMode") ?? "control-group";
  const stops = all("ExecStop").map(commandOf);
  const kills = stops.find((words) => /(?:^|\s)-(?:9|KILL|SIGKILL|s\s*(?:9|KILL|SIGKILL))\b/i.test(words.join(" ")));
  const slept = Math.max(0, ...stops.map(sleepSeconds));
  return [
    ...(stopsAt(signal) ? [] : [`KillSignal=${signal} ends the process without a stop: write SIGTERM`]),
    ...(mode === "none" ? ["KillMode=none: systemd stops nothing; write mixed"] : []),
    ...(kills === undefined ? [] : [`ExecStop kills (${kills.join(" ")}): leave it out, SIGTERM stops the service in order`]),
    ...(slept > 0 && drainDelayMs > 0
      ? [`ExecStop sleeps ${slept} s on top of the drain delay of ${shownMs(drainDelayMs)}: leave it out`]
      : []),
    ...(isOn(last("MemoryDenyWriteExecute") ?? "no")
      ? ["MemoryDenyWriteExecute=yes: Node compiles code at run time and cannot start; leave it out"]
      : []),
  ];
};

/** The contradictions of a unit; `texts` are its file and then its drop-ins, in order. */
export const unitProblems = (texts: readonly string[], checked: Checked): string[] => {
  const settings = settingsIn(texts);
  const all = (name: string): readonly string[] => settings.get(name) ?? [];
  const last = (name: string): string | undefined => all(name).at(-1);
  const variables = environmentIn(all("Environment"));
  const start = commandOf(last("ExecStart") ?? "");
  const signals = problemOfWords(start);
  return [
    ...variableProblems(checked.options, variables),
    ...(signals === undefined ? [] : [`ExecStart: ${signals}`]),
    ...timeProblems(last, checked, variables),
    ...notifyProblems(last),
    ...killProblems(last, all, budgetsOf(checked, variables).drainDelayMs),
  ];
};
