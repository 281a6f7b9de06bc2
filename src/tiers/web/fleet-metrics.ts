/** The metrics of the fleet on the web tier's `/metrics`: what the metrics of one instance cannot show, since it boots, has ended, or is one of many. */
import type { Metric, Sample } from "../../health/metrics.ts";
import { gauge, writeMetrics } from "../../health/metrics.ts";
import type { Row } from "../../instances/row.ts";
import type { Ends } from "../../journal/ends.ts";
import type { StreamBacklog } from "../../streams/backlog.ts";
import type { StreamGauge } from "../../streams/stream-metrics.ts";
import { deadLettersGauge, streamGauges } from "../../streams/stream-metrics.ts";

/** What is known of the fleet at the time of a scrape. */
export interface FleetState {
  readonly rows: readonly Row[];
  /** the time of Redis, ms since the epoch */
  readonly now: number;
  /** since the first stop that Redis has counted */
  readonly ends: readonly Ends[];
  readonly backlogs: readonly StreamBacklog[];
  readonly deadLetters: number;
}

/** series of one metric at most; those with the lowest values are left out and counted */
const maxSeries = 200;
const dayMs = 86_400_000;

type Labels = Readonly<Record<string, string>>;

/** Sums by labels. */
const summed = (values: Iterable<readonly [Labels, number]>): Sample[] => {
  const sums = new Map<string, { readonly labels: Labels; value: number }>();
  for (const [labels, value] of values) {
    const key = JSON.stringify(Object.values(labels));
    const sum = sums.get(key) ?? { labels, value: 0 };
    sum.value += value;
    sums.set(key, sum);
  }
  return [...sums.values()];
};

const isAlive = ({ end }: Row): boolean => end === null;
const ofRelease = ({ service, version }: Row): Labels => ({ service, version });

/** The share of its deadline that a boot has used; undefined where it waits for nothing that has one. */
const shareOf = ({ kind, waits }: Row, now: number): number | undefined => {
  if (kind !== "booting" || waits === null || waits.until === null || !waits.totalMs) return undefined;
  return Math.min(1, Math.max(0, 1 - (waits.until - now) / waits.totalMs));
};

const largest = (values: Iterable<readonly [Labels, number]>): Sample[] => {
  const most = new Map<string, Sample>();
  for (const [labels, value] of values) {
    const key = JSON.stringify(Object.values(labels));
    if (value >= (most.get(key)?.value ?? 0)) most.set(key, { labels, value });
  }
  return [...most.values()];
};

const instances = (rows: readonly Row[]): Metric => ({
  name: "sg_fleet_instances",
  type: "gauge",
  help: "Instances that live, by service, release and state.",
  samples: summed(rows.filter(isAlive).map((row) => [{ ...ofRelease(row), state: row.state }, 1])),
});

const notReady = (rows: readonly Row[]): Metric => ({
  name: "sg_fleet_not_ready",
  type: "gauge",
  help: "Instances that live and take no traffic; those of which that is not known are left out.",
  samples: summed(
    rows.filter((row) => isAlive(row) && row.ready !== null).map((row) => [ofRelease(row), Number(row.ready === false)]),
  ),
});

const bootShare = ({ rows, now }: FleetState): Metric => ({
  name: "sg_fleet_boot_deadline_ratio",
  type: "gauge",
  help: "Of the instance that boots slowest: the share of its phase's deadline that has passed.",
  samples: largest(
    rows.flatMap((row) => {
      const share = shareOf(row, now);
      return share === undefined ? [] : [[ofRelease(row), share] as const];
    }),
  ),
});

/** Those of earlier boots of an instance too. */
const failedEnds = (rows: readonly Row[], now: number): Metric => ({
  name: "sg_fleet_failed_ends",
  type: "gauge",
  help: "Ends of the last 24 hours with a failure, in the boot, the run or the stop, by the code of the first one.",
  samples: summed(
    rows.flatMap(({ service, boots }) =>
      boots
        .filter(({ code, endedAt }) => code !== "" && endedAt !== null && endedAt > now - dayMs)
        .map(({ code }) => [{ service, code }, 1] as const),
    ),
  ),
});

const ended = (ends: readonly Ends[]): Metric => ({
  name: "sg_fleet_ends_total",
  type: "counter",
  help: "Instances that have ended, by service, release and outcome; expired: without a stop. Each is counted once, in Redis.",
  samples: summed(ends.map(({ service, version, outcome, count }) => [{ service, version, outcome }, count])),
});

const streams = (backlogs: readonly StreamBacklog[]): Metric[] => {
  const samples = (read: (backlog: StreamBacklog) => number): Sample[] =>
    backlogs.map((backlog) => ({ labels: { stream: backlog.stream, group: backlog.group }, value: read(backlog) }));
  const metric = ([name, help]: StreamGauge, of: (backlog: StreamBacklog) => number): Metric => ({
    ...{ name, type: "gauge", help },
    samples: samples(of),
  });
  return [
    metric(streamGauges.unread, ({ unread }) => unread),
    metric(streamGauges.pending, ({ pending }) => pending),
    metric(streamGauges.oldest, ({ oldestMs }) => oldestMs / 1000),
  ];
};

const bounded = (metric: Metric): { readonly metric: Metric; readonly leftOut: number } => {
  const { samples } = metric;
  if (samples.length <= maxSeries) return { metric, leftOut: 0 };
  const most = samples.toSorted((a, b) => b.value - a.value).slice(0, maxSeries);
  return { metric: { ...metric, samples: most }, leftOut: samples.length - maxSeries };
};

/** In the text format of Prometheus. */
export const fleetMetrics = (state: FleetState): string => {
  const { rows, now, ends, backlogs, deadLetters } = state;
  const all = [instances(rows), notReady(rows), bootShare(state), failedEnds(rows, now), ended(ends), ...streams(backlogs)].map(
    bounded,
  );
  const leftOut = all.reduce((sum, one) => sum + one.leftOut, 0);
  return writeMetrics([
    ...all.map(({ metric }) => metric),
    gauge(...deadLettersGauge, deadLetters),
    gauge("sg_fleet_series_left_out", `Series of the fleet beyond ${maxSeries} of a metric.`, leftOut),
  ]);
};
