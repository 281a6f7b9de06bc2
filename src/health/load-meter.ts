/**
 * The load of the event loop where the probe thread holds the port: measured by the means and the arithmetic of
 * @fastify/under-pressure, without Fastify. Nothing is measured before the first question for it.
 */
import type { EventLoopUtilization, IntervalHistogram } from "node:perf_hooks";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { every } from "../clock.ts";

/** The load of the event loop in the latest interval. */
export interface Load {
  /** a mean in ms; infinite where the loop was blocked for all of the interval */
  readonly eventLoopDelay: number;
  /** 0 to 1 */
  readonly eventLoopUtilized: number;
}

export interface LoadMeterOptions {
  /** ms of mean delay from which the loop is under pressure */
  readonly maxDelayMs: number;
  /** ms of an interval */
  readonly sampleMs: number;
}

const resolutionMs = 10;

export class LoadMeter {
  readonly #options: LoadMeterOptions;
  #load: Load = { eventLoopDelay: 0, eventLoopUtilized: 0 };
  #running: { readonly histogram: IntervalHistogram; readonly end: () => void } | undefined;
  #utilization: EventLoopUtilization | undefined;

  constructor(options: LoadMeterOptions) {
    this.#options = options;
  }

  /** The first call starts the measuring, and returns zeros as each does until an interval is over. Keeps no process alive. */
  get load(): Load {
    if (this.#running === undefined) this.#start();
    return this.#load;
  }

  /** False while nothing is measured. */
  get isUnderPressure(): boolean {
    return this.#load.eventLoopDelay > this.#options.maxDelayMs;
  }

  /** Nothing is left. Any time, any number of times. */
  stop(): void {
    this.#running?.end();
    this.#running?.histogram.disable();
  }

  #start(): void {
    const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    histogram.enable();
    this.#utilization = performance.eventLoopUtilization();
    const end = every(this.#options.sampleMs, () => this.#sample(histogram));
    this.#running = { histogram, end };
  }

  #sample(histogram: IntervalHistogram): void {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#utilization);
    this.#utilization = now;
    const delay = Math.max(0, histogram.mean / 1e6 - resolutionMs);
    // without a single sample the mean is NaN
    this.#load = { eventLoopDelay: Number.isNaN(delay) ? Number.POSITIVE_INFINITY : delay, eventLoopUtilized: utilization };
    histogram.reset();
  }
}
