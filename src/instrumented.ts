/** Whether a preloaded module may instrument packages, and whether OpenTelemetry is there. A bundle has no names of packages to find. */
import { fromEnvironment } from "./environment.ts";

const preloads = /(?:^|\s)(--import|--require|-r|--loader|--experimental-loader)(?=[=\s]|$)/;

/** The API of OpenTelemetry, of any 1.x, keeps its global here. */
export const openTelemetry: unique symbol = Symbol.for("opentelemetry.js.api.1");

/** The API of its logs, which has a version of its own, keeps its global here. */
export const openTelemetryLogs: unique symbol = Symbol.for("io.opentelemetry.js.api.logs");

/** Whether an SDK of OpenTelemetry has registered itself in this process. Any time; loads nothing. */
export const hasOpenTelemetry = (): boolean => openTelemetry in globalThis || openTelemetryLogs in globalThis;

/** What was preloaded: the option of Node (from the command line or NODE_OPTIONS), or OpenTelemetry; undefined if nothing was. */
export const instrumentedBy = (): string | undefined => {
  const [, option] = preloads.exec(process.execArgv.join(" ")) ?? [];
  if (option !== undefined) return option;
  const [, inherited] = preloads.exec(fromEnvironment("NODE_OPTIONS") ?? "") ?? [];
  if (inherited !== undefined) return `NODE_OPTIONS ${inherited}`;
  return hasOpenTelemetry() ? "OpenTelemetry" : undefined;
};
