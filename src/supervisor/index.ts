/** Child processes under `supervisor.machine.ts`. */
export type { Startable } from "./child.ts";
export { startChild } from "./child.ts";
export type { Supervisor } from "./supervisor.ts";
export { supervise } from "./supervisor.ts";
