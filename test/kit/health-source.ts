/** A service's side of the health server that a test turns by hand. */
import type { HealthSource } from "../../src/health/server.ts";

export interface TurnedSource extends HealthSource {
  /** what `readiness` tells */
  told: ReturnType<HealthSource["readiness"]>;
  isStopping: boolean;
}

export const turnedSource = (own: Partial<HealthSource> = {}): TurnedSource => {
  const listeners = new Set<() => void>();
  const turned = { told: { ready: true } as TurnedSource["told"], isStopping: false };
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    state: () => (turned.isStopping ? "stopping" : "running"),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get told() {
      return turned.told;
    },
    set told(told) {
      turned.told = told;
      tell();
    },
    get isStopping() {
      return turned.isStopping;
    },
    set isStopping(isStopping) {
      turned.isStopping = isStopping;
      tell();
    },
    readiness: () => turned.told,
    stopping: () => turned.isStopping,
    status: () => ({ state: "running" }),
    metrics: () => "",
    checkRedis: undefined,
    ...own,
  };
};
