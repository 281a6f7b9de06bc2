/** The traces of lives and messages. Imported only where `hasOpenTelemetry`, so a process without it loads nothing of this folder. */
export { flush } from "./api.ts";
export { LifeTrace } from "./life.ts";
export { traced } from "./messages.ts";
