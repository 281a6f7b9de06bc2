/** The charts that are drawn and described. A new one appears everywhere by an entry here. */
import type { AnyStateMachine } from "xstate";
import { healthPortMachine, leadershipMachine, leaseMachine, lifecycleMachine, supervisorMachine } from "../../machines/index.ts";

const charts = {
  lifecycle: lifecycleMachine,
  lease: leaseMachine,
  "health-port": healthPortMachine,
  leadership: leadershipMachine,
  supervisor: supervisorMachine,
} as const satisfies Record<string, unknown>;

export type ChartName = keyof typeof charts;

export const chartNames = Object.keys(charts) as readonly ChartName[];

export const isChartName = (name: string): name is ChartName => Object.hasOwn(charts, name);

export const machineOf = (name: ChartName): AnyStateMachine => charts[name] as unknown as AnyStateMachine;
