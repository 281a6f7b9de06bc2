/** Child processes under `supervisor.machine.ts`. */
export { processChild } from "./child.ts";
export type { Supervisor } from "./supervisor.ts";
export { supervise } from "./supervisor.ts";
