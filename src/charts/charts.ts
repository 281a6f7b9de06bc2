/** The list of charts. An entry here adds a chart to the pictures, to `machines/README.md` and to the CLI. */
import type { AnyStateMachine } from "xstate";
import {
  chatMachine,
  checkMachine,
  consumerMachine,
  fleetMachine,
  groupMachine,
  healthPortMachine,
  leadershipMachine,
  leaseMachine,
  lifecycleMachine,
  messageMachine,
  supervisorMachine,
} from "../../machines/index.ts";

const charts = {
  lifecycle: lifecycleMachine,
  lease: leaseMachine,
  "health-port": healthPortMachine,
  check: checkMachine,
  leadership: leadershipMachine,
  message: messageMachine,
  consumer: consumerMachine,
  group: groupMachine,
  supervisor: supervisorMachine,
  fleet: fleetMachine,
  chat: chatMachine,
} as const satisfies Record<string, unknown>;

export type ChartName = keyof typeof charts;

export const chartNames = Object.keys(charts) as readonly ChartName[];

export const isChartName = (name: string): name is ChartName => Object.hasOwn(charts, name);

export const machineOf = (name: ChartName): AnyStateMachine => charts[name] as unknown as AnyStateMachine;
