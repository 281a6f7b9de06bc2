/** Whether something was preloaded that may instrument modules: it finds packages by their names, which a bundle does not have. */
import { fromEnvironment } from "./environment.ts";

const preloads = /(?:^|\s)(--import|--require|-r|--loader|--experimental-loader)(?=[=\s]|$)/;

/** The API of OpenTelemetry, of any 1.x, keeps its global here. */
const openTelemetry = Symbol.for("opentelemetry.js.api.1");

/** What was preloaded: an option of Node, with NODE_OPTIONS where it stands there, or OpenTelemetry; undefined for nothing. */
export const instrumentedBy = (): string | undefined => {
  const [, option] = preloads.exec(process.execArgv.join(" ")) ?? [];
  if (option !== undefined) return option;
  const [, inherited] = preloads.exec(fromEnvironment("NODE_OPTIONS") ?? "") ?? [];
  if (inherited !== undefined) return `NODE_OPTIONS ${inherited}`;
  return openTelemetry in globalThis ? "OpenTelemetry" : undefined;
};
