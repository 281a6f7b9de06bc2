/** Whether the keys of a terminal are meant for this process. */
import { readFileSync } from "node:fs";
import { isatty } from "node:tty";
import { fromEnvironment } from "./environment.ts";

/**
 * Whether this process leads the foreground group of its terminal, as a command does that a shell has started. A process below
 * `npm start`, `node --watch` or another wrapper does not: each Ctrl-C reaches it twice, from the terminal and from the wrapper.
 */
export const leadsTerminal = (): boolean => {
  if (!isatty(0) && !isatty(2)) return false;
  const leads = leadsForeground();
  // without /proc only the wrappers that run package scripts can be known
  return leads ?? fromEnvironment("npm_lifecycle_event") === undefined;
};

/** From Linux' /proc; undefined where there is none. */
const leadsForeground = (): boolean | undefined => {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // the name of the program, in brackets, may contain spaces and brackets
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return group === stat.split(" ", 1)[0] && group === foreground;
  } catch {
    return undefined;
  }
};
