/** Checks a systemd unit with its drop-ins. */
import type { Budgets } from "../budgets.ts";
import { budgetsOf } from "../budgets.ts";
import { killsBy, problemOfWords, sleepSeconds, wordsOf } from "./command.ts";
import { shownMs, systemdMs } from "./durations.ts";
import type { Checked } from "./finding.ts";
import { signalProblems } from "./signals.ts";
import type { Given } from "./variables.ts";
import { assignmentsIn, settled, variableProblems } from "./variables.ts";

/** The settings of a section: each with its values in order; an empty one takes back those before it. */
export const settingsIn = (texts: readonly string[], wanted: string): ReadonlyMap<string, readonly string[]> => {
  const settings = new Map<string, string[]>();
  for (const text of texts) {
    let section = "";
    for (const line of text.replaceAll(/\\\r?\n(?:[ \t]*[#;].*\r?\n)*/g, " ").split(/\r?\n/)) {
      const header = /^\s*\[(.+)\]\s*$/.exec(line)?.[1];
      if (header !== undefined) section = header;
      const [, name, value = ""] = /^\s*([A-Za-z][\w-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (name === undefined || section !== wanted) continue;
      const before = value === "" ? [] : (settings.get(name) ?? []);
      // the order of the map is that of the last values
      settings.delete(name);
      settings.set(name, value === "" ? [] : [...before, value]);
    }
  }
  return settings;
};

/** The environment that a unit sets; what stands for a specifier, `%i` for example, is filled in by systemd. */
export const environmentIn = (lines: readonly string[]): Given =>
  settled(
    lines.flatMap((line) => [...assignmentsIn(line)].map(([name, value]) => [name, value.replaceAll("%%", "")] as const)),
    "%",
  );

/** Without the marks that systemd reads in front of a command. */
const commandOf = (text: string): string[] => wordsOf(text.replace(/^[-@:+!|]+/, ""));

const isOn = (text: string): boolean => /^(?:1|yes|y|true|t|on)$/i.test(text);

/** The settings of `[Service]`, and what is not there in a drop-in whose unit is not known. */
interface Service {
  readonly all: (name: string) => readonly string[];
  /** the last value of a setting; undefined for its default */
  readonly last: (name: string) => string | undefined;
  /** the one of two settings of the same figure that stands last */
  readonly deciding: (name: string, other: string) => string;
  /** whether defaults are those of systemd: not in a drop-in alone */
  readonly isWhole: boolean;
}

const serviceIn = (texts: readonly string[], isWhole: boolean): Service => {
  const settings = settingsIn(texts, "Service");
  const names = [...settings.keys()];
  const all = (name: string): readonly string[] => settings.get(name) ?? [];
  return {
    all,
    last: (name) => all(name).at(-1),
    deciding: (name, other) => (names.indexOf(other) > names.indexOf(name) ? other : name),
    isWhole,
  };
};

/** Adds to `found` what is no duration; the default of systemd holds in its place. */
const timeIn = ({ last, isWhole }: Service, name: string, fallback: string, found: Set<string>): number => {
  const text = last(name);
  if (text === undefined) return isWhole ? systemdMs(fallback) : Number.POSITIVE_INFINITY;
  const ms = systemdMs(text);
  if (Number.isNaN(ms)) found.add(`${name}=${text} is no duration of systemd, which takes its default`);
  return Number.isNaN(ms) ? systemdMs(fallback) : ms;
};

const timeProblems = (service: Service, { bootMs, stopMs, livenessBlockMs }: Budgets): string[] => {
  const found = new Set<string>();
  const start = service.deciding("TimeoutStartSec", "TimeoutSec");
  const stop = service.deciding("TimeoutStopSec", "TimeoutSec");
  const startMs = timeIn(service, start, "90", found);
  const endMs = timeIn(service, stop, "90", found);
  const isStartShort = /^notify/.test(service.last("Type") ?? "simple") && startMs > 0 && startMs < bootMs;
  const isStopShort = endMs > 0 && endMs < stopMs;
  const [boot, end] = [`the boot may last ${shownMs(bootMs)}`, `stopping may last ${shownMs(stopMs)}`];
  if (isStartShort && isStopShort && start === stop) found.add(`${start} is ${shownMs(startMs)}, ${boot}, and ${end}`);
  else {
    if (isStartShort) found.add(`${start} is ${shownMs(startMs)}, and ${boot}`);
    if (isStopShort) found.add(`${stop} is ${shownMs(endMs)}, and ${end}`);
  }
  const watchdogMs = timeIn(service, "WatchdogSec", "0", found);
  if (watchdogMs > 0 && watchdogMs < livenessBlockMs)
    found.add(
      `WatchdogSec is ${shownMs(watchdogMs)}, and the event loop may be blocked for ${shownMs(livenessBlockMs)} (livenessBlockMs) before the service counts as dead`,
    );
  return [...found];
};

const notifyProblems = ({ last, isWhole }: Service): string[] => {
  const type = last("Type") ?? "simple";
  const isNotify = /^notify/.test(type);
  const given = last("NotifyAccess");
  const access = given ?? (isNotify ? "main" : "none");
  const needs = isNotify || systemdMs(last("WatchdogSec") ?? "0") > 0;
  return [
    ...(/^(?:forking|oneshot|dbus|idle)$/.test(type)
      ? [`Type=${type}: the service neither forks nor ends; write Type=notify, or exec`]
      : []),
    ...(needs && access !== "all" && (isWhole || given !== undefined)
      ? [
          `NotifyAccess is ${access}${given === undefined ? " (the default)" : ""}: what systemd-notify sends is dropped, so write NotifyAccess=all`,
        ]
      : []),
  ];
};

const killProblems = ({ last, all }: Service, { drainDelayMs }: Budgets): string[] => {
  const stops = all("ExecStop").map(commandOf);
  const kills = stops.find(killsBy);
  const slept = Math.max(0, ...stops.map(sleepSeconds));
  return [
    ...["KillSignal", "RestartKillSignal"].flatMap((name) => signalProblems(last(name), `${name}=`)),
    ...(last("KillMode") === "none" ? ["KillMode=none: systemd stops nothing; write mixed"] : []),
    ...(kills === undefined ? [] : [`ExecStop kills (${kills.join(" ")}): leave it out, SIGTERM stops the service in order`]),
    ...(slept > 0 && drainDelayMs > 0
      ? [`ExecStop sleeps ${slept} s on top of the drain delay of ${shownMs(drainDelayMs)}: leave it out`]
      : []),
    ...(isOn(last("MemoryDenyWriteExecute") ?? "no")
      ? ["MemoryDenyWriteExecute=yes: Node compiles code at run time and cannot start; leave it out"]
      : []),
  ];
};

/**
 * The contradictions of a unit; `texts` are its file and then its drop-ins, in order. With `isWhole: false` they are a drop-in whose
 * unit is not known.
 */
export const unitProblems = (texts: readonly string[], checked: Checked, isWhole = true): string[] => {
  const service = serviceIn(texts, isWhole);
  const variables = environmentIn(service.all("Environment"));
  const budgets = budgetsOf(checked, variables);
  const signals = problemOfWords(commandOf(service.last("ExecStart") ?? ""));
  return [
    ...variableProblems(checked.options, variables),
    ...(signals === undefined ? [] : [`ExecStart: ${signals}`]),
    ...timeProblems(service, budgets),
    ...notifyProblems(service),
    ...killProblems(service, budgets),
  ];
};
