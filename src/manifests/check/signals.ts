/** The signal with which a platform stops a service. */
import { stopSignals } from "../../process.ts";

/** SIGBREAK is a signal of Windows. */
const stops: readonly string[] = stopSignals.filter((signal) => signal !== "SIGBREAK");
const numbers: Readonly<Record<string, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  9: "SIGKILL",
  12: "SIGUSR2",
  15: "SIGTERM",
  30: "SIGPWR",
};

const signalNamed = (text: string): string => numbers[text] ?? (text.startsWith("SIG") ? text : `SIG${text}`);

/** `where` names the setting; undefined is the default, SIGTERM. */
export const signalProblems = (text: string | undefined, where: string): string[] =>
  text === undefined || stops.includes(signalNamed(text.toUpperCase()))
    ? []
    : [`${where}${signalNamed(text)} ends the process without a stop: leave it out, or write SIGTERM`];
