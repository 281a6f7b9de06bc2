/**
 * The chart of the port with its actors provided, once for the process, since `provide()` parses the chart again. Each actor finds
 * its health server by the actor system.
 */
import { fromCallback, fromPromise } from "xstate";
import type { HolderCommand } from "../../machines/health-port.machine.ts";
import { healthPortMachine } from "../../machines/health-port.machine.ts";
import type { Answer, Path } from "./answers.ts";
import type { Holder } from "./holder.ts";
import type { LazyApp } from "./lazy-app.ts";
import type { LoadMeter } from "./load-meter.ts";
import type { LoopWatch } from "./loop-watch.ts";
import { MainPort } from "./main-port.ts";
import type { RedisCheckOptions } from "./redis-check.ts";
import { RedisCheck } from "./redis-check.ts";
import type { HealthSource } from "./source.ts";
import type { BoardWriter } from "./thread/board.cjs";
import type { ProbeSettings } from "./thread/messages.ts";
import { startThread } from "./thread/thread-port.ts";

/** What the actors of one health server work with. */
export interface HealthParts {
  readonly source: HealthSource;
  readonly app: LazyApp;
  readonly meter: LoadMeter;
  /** Answers a question of the probe thread. */
  readonly answer: (path: Path) => Answer;
  readonly board: InstanceType<typeof BoardWriter>;
  readonly watch: LoopWatch;
  readonly probes: ProbeSettings;
  /** undefined where readiness does not depend on Redis */
  readonly check: Omit<RedisCheckOptions, "onMissed" | "onAnswered"> | undefined;
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
      obey(new MainPort(partsOf(system).app.get, sendBack), receive),
    ),
    loadApp: fromPromise(({ system }) => partsOf(system).app.load()),
    closeApp: fromPromise(({ system }) => {
      const { app, meter } = partsOf(system);
      meter.stop();
      return app.close();
    }),
    noticeBoard: fromCallback(({ system }) => {
      const { source, board, publish } = partsOf(system);
      const unsubscribe = source.onChange(publish);
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
    redisCheck: fromCallback(({ system, sendBack }) => {
      const { check: options } = partsOf(system);
      if (options === undefined) return;
      const check = new RedisCheck({
        ...options,
        onMissed: (reason) => sendBack({ type: "redis.missed", reason }),
        onAnswered: () => sendBack({ type: "redis.answered" }),
      });
      check.start();
      return () => check.stop();
    }),
  },
});
