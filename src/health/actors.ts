/**
 * The chart of the port with its actors provided, once for the process, since `provide()` parses the chart again. Each actor finds
 * its health server by the actor system.
 */
import type { AnyEventObject } from "xstate";
import { fromCallback, fromPromise } from "xstate";
import type { CheckSettings } from "../../machines/check.machine.ts";
import { checkMachine } from "../../machines/check.machine.ts";
import type { HolderCommand } from "../../machines/health-port.machine.ts";
import { healthPortMachine } from "../../machines/health-port.machine.ts";
import type { Clock } from "../clock.ts";
import type { Answer, Path } from "./answers.ts";
import { CheckSchedule } from "./check-schedule.ts";
import type { Holder } from "./holder.ts";
import type { LazyApp } from "./lazy-app.ts";
import type { LoopWatch } from "./loop-watch.ts";
import { MainPort } from "./main-port.ts";
import type { HealthSource } from "./source.ts";
import { isStopping } from "./source.ts";
import type { BoardWriter } from "./thread/board.cjs";
import type { ProbeSettings } from "./thread/messages.ts";
import { startThread } from "./thread/thread-port.ts";

/** What the actors of one health server work with. */
export interface HealthParts {
  readonly source: HealthSource;
  readonly app: LazyApp;
  /** Answers a question of the probe thread. */
  readonly answer: (path: Path) => Promise<Answer>;
  readonly board: InstanceType<typeof BoardWriter>;
  readonly watch: LoopWatch;
  readonly probes: ProbeSettings;
  /** that of the checks */
  readonly clock: Clock;
  /** Writes to the board what the service is now. */
  readonly publish: () => void;
}

const partsBySystem = new WeakMap<object, HealthParts>();
const partsOf = (system: object): HealthParts => partsBySystem.get(system)!;

/** Names the parts that the actors of a system work with. */
export const provideParts = (system: object, parts: HealthParts): void => {
  partsBySystem.set(system, parts);
};

/** Has a holder do what the chart sends to it; released, it is cut. */
const obey = (holder: Holder, receive: (listener: (command: HolderCommand) => void) => void): (() => void) => {
  receive((command) => (command.type === "listen" ? holder.listen(command) : holder[command.type]()));
  return () => holder.cut();
};

export const providedHealthPort = healthPortMachine.provide({
  actors: {
    probeThread: fromCallback<HolderCommand>(({ system, sendBack, receive }) => {
      const { probes: settings, answer, publish } = partsOf(system);
      return obey(startThread({ settings, answer, publish, sendBack }), receive);
    }),
    mainPort: fromCallback<HolderCommand>(({ system, sendBack, receive }) =>
      obey(new MainPort(partsOf(system).app, sendBack), receive),
    ),
    loadApp: fromPromise(({ system }) => partsOf(system).app.load()),
    noticeBoard: fromCallback(({ system, sendBack }) => {
      const { source, board, publish } = partsOf(system);
      const unsubscribe = source.onChange(() => {
        if (isStopping(source)) sendBack({ type: "service.stopping" });
        publish();
      });
      return () => {
        unsubscribe();
        board.rest();
      };
    }),
    loopWatch: fromCallback(({ system }) => {
      const { watch } = partsOf(system);
      watch.start();
      return () => watch.stop();
    }),
    check: checkMachine.provide({
      actors: {
        checkSchedule: fromCallback<AnyEventObject, CheckSettings>(({ system, sendBack, input }) => {
          const { source, clock } = partsOf(system);
          const check = source.checks.find((own) => own.check === input.check && own.kind === input.kind)!;
          const schedule = new CheckSchedule({
            ...check,
            isKnown: check.kind === "redis",
            clock,
            onMissed: (reason) => sendBack({ type: "check.missed", reason }),
            onAnswered: () => sendBack({ type: "check.answered" }),
          });
          schedule.start();
          return () => schedule.stop();
        }),
      },
    }),
  },
});
