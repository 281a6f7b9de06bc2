/** Child processes under `supervisor.machine.ts`. */
export type { Child, ChildSpec } from "./child.ts";
export { startChild } from "./child.ts";
export type { Supervisor, SupervisorOptions } from "./supervisor.ts";
export { supervise } from "./supervisor.ts";
