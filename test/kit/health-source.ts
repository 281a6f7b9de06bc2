/** A source of a health server whose answers a test sets. */
import type { HealthSource } from "../../src/health/server.ts";

/** No stall of a busy machine is a block of the event loop. */
export const unhurried = { readinessBlockMs: 600_000, livenessBlockMs: 600_000 };

export interface TurnedSource extends HealthSource {
  /** the answer of `readiness` */
  verdict: ReturnType<HealthSource["readiness"]>;
  isStopping: boolean;
}

export const turnedSource = (own: Partial<HealthSource> = {}): TurnedSource => {
  const listeners = new Set<() => void>();
  const turned = { verdict: { ready: true } as TurnedSource["verdict"], isStopping: false };
  const changed = () => {
    for (const listener of listeners) listener();
  };
  return {
    state: () => (turned.isStopping ? "stopping" : "running"),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get verdict() {
      return turned.verdict;
    },
    set verdict(verdict) {
      turned.verdict = verdict;
      changed();
    },
    get isStopping() {
      return turned.isStopping;
    },
    set isStopping(isStopping) {
      turned.isStopping = isStopping;
      changed();
    },
    readiness: () => turned.verdict,
    stopping: () => turned.isStopping,
    status: () => ({ state: "running" }),
    metrics: () => "",
    checks: [],
    ownMetrics: undefined,
    ...own,
  };
};
