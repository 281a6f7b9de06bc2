/** Child processes under `supervisor.machine.ts`. */
export type { Supervisor } from "./supervisor.ts";
export { supervise } from "./supervisor.ts";
