/** Whether the service takes traffic: the verdicts of the chart, of Redis and of the event loop, put together. */
import type { RedisVerdict } from "../../machines/health-port.machine.ts";
import { messageOf } from "../errors.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { HealthSource } from "./source.ts";

export type Readiness = ReturnType<HealthSource["readiness"]>;

export interface ReadinessParts {
  readonly source: HealthSource;
  readonly watch: Pick<LoopWatch, "blockedMs">;
  /** undefined where readiness does not depend on Redis */
  readonly redis: RedisVerdict | undefined;
  /** whether under-pressure finds a threshold passed */
  readonly isUnderPressure: () => boolean;
}

const unready = (reason: string): Readiness => ({ ready: false, reason });

const readinessOf = (source: HealthSource): Readiness => {
  try {
    const readiness = source.readiness();
    return readiness.ready && source.stopping() ? unready("stopping") : readiness;
  } catch (error) {
    return unready(`the readiness of the service is unknown: ${messageOf(error)}`);
  }
};

/** The first reason against it: the service's before Redis's before the event loop's. Compares what is known; waits for nothing. */
export const judgeReadiness = ({ source, watch, redis, isUnderPressure }: ReadinessParts): Readiness => {
  const readiness = readinessOf(source);
  if (!readiness.ready) return readiness;
  if (redis?.reachable === false) return unready(`Redis is not reachable: ${redis.reason}, ${redis.failures} times in a row`);
  const { blockedMs } = watch;
  if (blockedMs > 0) return unready(`event loop blocked for ${blockedMs} ms`);
  return isUnderPressure() ? unready("event loop under pressure") : readiness;
};
