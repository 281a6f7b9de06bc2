/** The service, as the health server sees it. */
import type { CheckSettings } from "../../machines/check.machine.ts";
import type { Waiting } from "../until.ts";
import type { MetricsSource } from "./own-metrics.ts";

/** One check of the health server. It runs while the port is open and the service does not stop, whether probes come or not. */
export interface Check extends CheckSettings {
  /** Rejects, throws or returns `false` where it fails. Its signal aborts at the deadline. */
  readonly run: (waiting: Waiting) => unknown;
  /** ms from the start of one call to the start of the next */
  readonly intervalMs: number;
  /** ms for one check */
  readonly timeoutMs: number;
}

/** What the health server reads of its service. None of it may block; what throws is contained. */
export interface HealthSource {
  /** the name of the state that the service is in */
  state(): string;
  /** Calls `listener` whenever `state`, `readiness` or `stopping` may have changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
  /** the chart's part of readiness */
  readiness(): { ready: true } | { ready: false; reason: string };
  /** true from the moment stopping begins: answers carry `Connection: close` */
  stopping(): boolean;
  /** `/status`, plain JSON data, no secrets */
  status(): object;
  /** lines for `/metrics` about the service's life, in the text format of Prometheus; every name begins with `sg_` */
  metrics(): string;
  /** metrics of the service's own; undefined where it has none */
  readonly ownMetrics: MetricsSource | undefined;
  /** metrics of a tier of Stargazer's, under names of Stargazer's */
  readonly tierMetrics?: MetricsSource | undefined;
  /** of Redis, where it is required, and the service's own */
  readonly checks: readonly Check[];
}

/** False where the source throws: its readiness then has the reason. */
export const isStopping = (source: HealthSource): boolean => {
  try {
    return source.stopping();
  } catch {
    return false;
  }
};

/** `unknown` where the source throws. */
export const stateOf = (source: HealthSource): string => {
  try {
    return source.state();
  } catch {
    return "unknown";
  }
};
