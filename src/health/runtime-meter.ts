/**
 * Delays of the event loop and pauses of the garbage collector for `/metrics`, under the names and with the meaning that prom-client's
 * default metrics have. Nothing is measured before the first scrape.
 */
import type { IntervalHistogram, PerformanceEntry } from "node:perf_hooks";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import type { Metric, Sample } from "./metrics.ts";
import { gauge } from "./metrics.ts";

/** Whether a metric of that name is written here. */
export const isRuntimeName = (name: string): boolean =>
  /^nodejs_(?:eventloop_lag_(?:\w+_)?seconds|gc_duration_seconds)$/.test(name);

const resolutionMs = 10;
const percentiles = [50, 90, 99];

const kinds: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weakcb",
};
/** upper bounds of the buckets, in seconds */
const buckets = [0.001, 0.01, 0.1, 1, 2, 5];

/** The pauses of one kind. */
interface Pauses {
  readonly counts: number[];
  count: number;
  seconds: number;
}
const noPauses = (): Pauses => ({ counts: buckets.map(() => 0), count: 0, seconds: 0 });

export class RuntimeMeter {
  readonly #pauses = new Map(Object.values(kinds).map((kind) => [kind, noPauses()]));
  #delays: IntervalHistogram | undefined;
  #observer: PerformanceObserver | undefined;

  /** The delays since the call before, and the pauses since the first, which starts the measuring. Keeps no process alive. */
  metrics(): Metric[] {
    if (this.#delays === undefined) this.#start();
    for (const entry of this.#observer?.takeRecords() ?? []) this.#note(entry);
    return [...this.#delayMetrics(this.#delays!), this.#pauseMetric()];
  }

  /** Stops measuring. Legal at any time; a second call does nothing. */
  stop(): void {
    this.#delays?.disable();
    this.#observer?.disconnect();
  }

  #start(): void {
    this.#delays = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#delays.enable();
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#note(entry);
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  #note(entry: PerformanceEntry): void {
    const { detail, duration } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
    const pauses = this.#pauses.get(kinds[detail.kind] ?? "");
    if (pauses === undefined) return;
    const seconds = duration / 1000;
    pauses.count += 1;
    pauses.seconds += seconds;
    for (const [at, bound] of buckets.entries()) if (seconds <= bound) pauses.counts[at]! += 1;
  }

  #delayMetrics(delays: IntervalHistogram): Metric[] {
    // without samples `min` is the largest number, and `mean` is NaN
    const isEmpty = delays.max === 0;
    const seconds = (ns: number) => (isEmpty ? 0 : ns / 1e9);
    const metrics = [
      gauge("nodejs_eventloop_lag_seconds", "Mean delay of the event loop since the latest scrape.", seconds(delays.mean)),
      gauge("nodejs_eventloop_lag_min_seconds", "The least delay since the latest scrape.", seconds(delays.min)),
      gauge("nodejs_eventloop_lag_max_seconds", "The largest delay since the latest scrape.", seconds(delays.max)),
      gauge("nodejs_eventloop_lag_mean_seconds", "The mean delay since the latest scrape.", seconds(delays.mean)),
      gauge("nodejs_eventloop_lag_stddev_seconds", "The standard deviation since the latest scrape.", seconds(delays.stddev)),
      ...percentiles.map((p) =>
        gauge(
          `nodejs_eventloop_lag_p${p}_seconds`,
          `The ${p}th percentile since the latest scrape.`,
          seconds(delays.percentile(p)),
        ),
      ),
    ];
    delays.reset();
    return metrics;
  }

  #pauseMetric(): Metric {
    return {
      name: "nodejs_gc_duration_seconds",
      type: "histogram",
      help: "Pauses of the garbage collector by kind: minor, and major, incremental or weakcb once there was one.",
      samples: [...this.#pauses].flatMap(([kind, pauses]) =>
        pauses.count > 0 || kind === "minor" ? samplesOf(kind, pauses) : [],
      ),
    };
  }
}

const samplesOf = (kind: string, { counts, count, seconds }: Pauses): Sample[] => [
  ...buckets.map((bound, at) => ({ suffix: "_bucket", labels: { le: String(bound), kind }, value: counts[at]! })),
  { suffix: "_bucket", labels: { le: "+Inf", kind }, value: count },
  { suffix: "_sum", labels: { kind }, value: seconds },
  { suffix: "_count", labels: { kind }, value: count },
];
