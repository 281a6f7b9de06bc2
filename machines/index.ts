/** Every chart of Stargazer, pure: nothing here touches a socket, a timer or a process. */
export * from "./companion.ts";
export * from "./describe.ts";
export * from "./facts.ts";
export * from "./health-port.machine.ts";
export * from "./leadership.machine.ts";
export * from "./lease.machine.ts";
export * from "./lifecycle.machine.ts";
export * from "./phases.ts";
export * from "./settings.ts";
export * from "./state.ts";
export * from "./supervisor.machine.ts";
