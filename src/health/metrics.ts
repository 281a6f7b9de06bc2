/** Lines in the Prometheus text format. */

export interface Sample {
  /** of a histogram: `_bucket`, `_sum`, `_count` */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  /** letters, digits, `_` and `:`; counters end in `_total`, units are spelled out: `_seconds`, `_bytes` */
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** The option of a tier of Stargazer's, whose metrics have Stargazer's names: beside those of its user, and no option of the public door. */
export const tierMetrics: unique symbol = Symbol("stargazer.tierMetrics");

/** The media type of what `writeMetrics` returns. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

const writeValue = (value: number): string => {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
};

const writeLabels = (labels: Sample["labels"] = {}): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
};

const writeMetric = ({ name, type, help, samples }: Metric): string =>
  [
    `# HELP ${name} ${escapeHelp(help)}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ suffix = "", labels, value }) => `${name}${suffix}${writeLabels(labels)} ${writeValue(value)}`),
    "",
  ].join("\n");

/** A metric with one sample and no labels. */
export const gauge = (name: string, help: string, value: number): Metric => ({ name, type: "gauge", help, samples: [{ value }] });

/** A metric with one sample and no labels, that only grows. */
export const counter = (name: string, help: string, value: number): Metric => ({
  name,
  type: "counter",
  help,
  samples: [{ value }],
});

/** Each metric with its help and type; ends in a line feed. A metric without samples is left out. */
export const writeMetrics = (metrics: readonly Metric[]): string =>
  metrics
    .filter(({ samples }) => samples.length > 0)
    .map(writeMetric)
    .join("");
