/** What was measured: values by metric and contestant, one a round, and what follows from them. */

const finite = (values) => values.filter(Number.isFinite).sort((a, b) => a - b);

export const median = (values) => {
  const sorted = finite(values);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

export const summary = (values) => {
  const sorted = finite(values);
  return { median: median(sorted), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN, rounds: sorted.length };
};

/** The slope of a curve on logarithmic axes between its last two sizes that lie ten apart or, of fewer, its first and last: 1 is linear. */
export const exponent = (points) => {
  const [n, value] = points.at(-1);
  const [few, less] = points.findLast(([size]) => size * 10 <= n) ?? points[0];
  return Math.log(value / less) / Math.log(n / few);
};

export class Samples {
  /** metric -> contestant -> one value a round; a round that gave none has NaN, so that rounds stay aligned */
  metrics = {};

  add(metric, contestant, value) {
    this.metrics[metric] ??= {};
    this.metrics[metric][contestant] ??= [];
    this.metrics[metric][contestant].push(value);
  }

  values(metric, contestant) {
    return this.metrics[metric]?.[contestant] ?? [];
  }

  alone(metric, contestant) {
    return summary(this.values(metric, contestant));
  }

  /** Ratios are taken inside each round, so that what slows a whole round does not count. */
  ratio(metric, contestant, base) {
    const bases = this.values(metric, base);
    return summary(this.values(metric, contestant).map((value, round) => value / bases[round]));
  }
}
