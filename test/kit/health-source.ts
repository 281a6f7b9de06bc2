/** A service's side of the health server that a test turns by hand. */
import type { HealthSource } from "../../src/health/server.ts";

export interface TurnedSource extends HealthSource {
  /** what `readiness` tells */
  told: ReturnType<HealthSource["readiness"]>;
  isStopping: boolean;
}

export const turnedSource = (own: Partial<HealthSource> = {}): TurnedSource => ({
  told: { ready: true },
  isStopping: false,
  readiness() {
    return this.told;
  },
  stopping() {
    return this.isStopping;
  },
  status: () => ({ state: "running" }),
  metrics: () => "",
  checkRedis: undefined,
  ...own,
});
