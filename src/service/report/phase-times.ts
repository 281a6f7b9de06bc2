/** How long the phases of a life took, for `/metrics`: a bounded number of series, however many names a tier gives its phases. */
import type { EndedPhase } from "../../../machines/phases.ts";
import { isChartPhase } from "../../../machines/phases.ts";
import type { Metric, Sample } from "../../health/metrics.ts";
import { counter } from "../../health/metrics.ts";

/** series for phases of a tier's own: those that ended first, since names that take turns would make new series for ever */
const tierSeries = 10;

export class PhaseTimes {
  readonly #latest = new Map<string, Sample>();
  #ofTier = 0;
  #leftOut = 0;

  note({ phase, outcome, durationMs }: EndedPhase): void {
    const key = `${outcome} ${phase}`;
    if (!isChartPhase(phase) && !this.#latest.has(key)) {
      if (this.#ofTier === tierSeries) {
        this.#leftOut += 1;
        return;
      }
      this.#ofTier += 1;
    }
    this.#latest.set(key, { labels: { phase, outcome }, value: durationMs / 1000 });
  }

  metrics(): Metric[] {
    return [
      {
        name: "sg_phase_duration_seconds",
        type: "gauge",
        help: "How long each ended phase took; of one that ended more than once, the latest with that outcome.",
        samples: [...this.#latest.values()],
      },
      counter(
        "sg_phases_left_out_total",
        `Ended phases of the tier's own without a series: ${tierSeries} pairs of a name and an outcome have one.`,
        this.#leftOut,
      ),
    ];
  }
}
