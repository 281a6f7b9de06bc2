/** Whether the service takes traffic, and whether it is alive: the verdicts of the chart, the checks and the event loop, put together. */
import type { CheckVerdict } from "../../machines/check.machine.ts";
import { messageOf } from "../errors.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { HealthSource } from "./source.ts";
import { isStopping } from "./source.ts";

export type Readiness = ReturnType<HealthSource["readiness"]>;

export interface ReadinessParts {
  readonly source: HealthSource;
  readonly watch: Pick<LoopWatch, "blockedMs">;
  readonly checks: readonly CheckVerdict[];
  /** whether under-pressure finds a threshold passed */
  readonly isUnderPressure: () => boolean;
}

/** Whether the process should go on. */
export type Liveness = { readonly alive: true } | { readonly alive: false; readonly reason: string };

const unready = (reason: string): Readiness => ({ ready: false, reason });

const reasonOf = ({ check, kind, reason, failures }: CheckVerdict): string => {
  if (failures === 0) return `the check '${check}' has not been answered yet`;
  const times = `${reason}, ${failures} ${failures === 1 ? "time" : "times in a row"}`;
  return kind === "redis" ? `Redis is not reachable: ${times}` : `the check '${check}' failed: ${times}`;
};

const readinessOf = (source: HealthSource): Readiness => {
  try {
    const readiness = source.readiness();
    return readiness.ready && source.stopping() ? unready("stopping") : readiness;
  } catch (error) {
    return unready(`the readiness of the service is unknown: ${messageOf(error)}`);
  }
};

/** The first reason to answer 503: of the service, a check or the event loop. Synchronous: compares known values. */
export const judgeReadiness = ({ source, watch, checks, isUnderPressure }: ReadinessParts): Readiness => {
  const readiness = readinessOf(source);
  if (!readiness.ready) return readiness;
  const fallen = checks.find(({ kind, passing }) => kind !== "liveness" && !passing);
  if (fallen !== undefined) return unready(reasonOf(fallen));
  const { blockedMs } = watch;
  if (blockedMs > 0) return unready(`event loop blocked for ${blockedMs} ms`);
  return isUnderPressure() ? unready("event loop under pressure") : readiness;
};

/** A service in `stopping` counts as alive: its liveness checks have no meaning any more. */
export const judgeLiveness = ({ source, checks }: Pick<ReadinessParts, "source" | "checks">): Liveness => {
  const fallen = isStopping(source) ? undefined : checks.find(({ kind, passing }) => kind === "liveness" && !passing);
  return fallen === undefined ? { alive: true } : { alive: false, reason: reasonOf(fallen) };
};
