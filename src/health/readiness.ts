/** Whether traffic should come here, put together from all who know. */
import { messageOf } from "../errors.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { RedisCheck } from "./redis-check.ts";
import type { HealthSource } from "./source.ts";
import { stateOf } from "./source.ts";

export type Readiness = ReturnType<HealthSource["readiness"]>;

export interface ReadinessParts {
  readonly source: HealthSource;
  readonly watch: LoopWatch;
  /** undefined where Redis is not required */
  readonly check: RedisCheck | undefined;
  /** whether under-pressure finds a threshold passed */
  readonly isUnderPressure: () => boolean;
}

const unready = (reason: string): Readiness => ({ ready: false, reason });

const askChart = (source: HealthSource): Readiness => {
  try {
    const told = source.readiness();
    return told.ready && source.stopping() ? unready(stateOf(source)) : told;
  } catch (error) {
    return unready(`readiness could not be told: ${messageOf(error)}`);
  }
};

/** The first reason against it, the chart's before Redis's before the load's. Cheap: nothing is asked that is not known already. */
export const judgeReadiness = ({ source, watch, check, isUnderPressure }: ReadinessParts): Readiness => {
  const told = askChart(source);
  if (!told.ready) return told;
  const redis = check?.verdict;
  if (redis?.reachable === false) return unready(`Redis is not reachable: ${redis.reason}, ${redis.failures} times in a row`);
  const { blockedMs } = watch;
  if (blockedMs > 0) return unready(`event loop blocked for ${blockedMs} ms`);
  return isUnderPressure() ? unready("event loop under pressure") : told;
};
