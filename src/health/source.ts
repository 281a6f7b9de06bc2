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
  /** extra lines for `/metrics` beyond what this folder knows, Prometheus text */
  metrics(): string;
  /** one check of Redis; undefined where Redis is not required */
  checkRedis: ((signal: AbortSignal) => Promise<void>) | undefined;
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
