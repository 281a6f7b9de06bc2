/** The shape of a row of the table of situations, and the words of queries that rows have in common. */

/** How far back rules and panels look. */
export interface Times {
  /** a duration of Prometheus: `5m` */
  readonly window: string;
}

/** A situation that has an alert, a panel and a section of the runbook. */
export interface Situation {
  /** the name of the rule: `SlowBoot`; the anchor of the section is `slow-boot` */
  readonly name: string;
  /** the title of the section and of the panel */
  readonly title: string;
  /** `critical`: something does not work; `warning`: it will not for long */
  readonly severity: "critical" | "warning";
  /** the condition, in PromQL */
  readonly condition: (times: Times) => string;
  /** how long the condition has to last */
  readonly lasts: string;
  /** a line for the message; `{{ $labels.service }}` and the like are filled in */
  readonly summary: string;
  /** what is drawn: the value that the condition compares */
  readonly panel: { readonly query: (times: Times) => string; readonly legend: string; readonly unit: string };
  /** what it means on the chart of a service */
  readonly meaning: string;
  /** where to look, each with what it shows */
  readonly look: readonly (readonly [command: string, shows: string])[];
  /** what to do */
  readonly act: readonly string[];
}

/**
 * How much a counter of the fleet has grown within the window, by labels. Each web tier serves the same counters, so one of them counts;
 * a series that was not there before began at 0, which `increase` does not see.
 */
export const grown = (metric: string, by: string, { window }: Times): string => {
  const now = `max by (${by}) (${metric})`;
  return `(${now} - (max by (${by}) (${metric} offset ${window}) or ${now} * 0))`;
};

/** The condition that it has grown by so much: not while the fleet has been scraped for less than the window. */
export const grownBy = (least: number, metric: string, by: string, times: Times): string =>
  `${grown(metric, by, times)} >= ${least} and on () (sg_dead_letters offset ${times.window})`;

/** The metrics that a query reads. */
export const metricsIn = (query: string): string[] => [...new Set(query.match(/\b(?:sg|process|nodejs)_\w+/g) ?? [])];
