/** The dashboard, as Grafana reads it: an overview, and a panel for each situation. */
import type { Times } from "./situation.ts";
import { situations } from "./situations.ts";

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly queries: readonly { readonly query: string; readonly legend: string }[];
}

const one = (title: string, description: string, unit: string, query: string, legend: string): Panel => ({
  ...{ title, description, unit },
  queries: [{ query, legend }],
});

const overview = ({ window }: Times): Panel[] => [
  one(
    "Instances",
    "By service and state.",
    "short",
    "sum by (service, state) (max by (service, version, state) (sg_fleet_instances))",
    "{{service}} {{state}}",
  ),
  one(
    "Ends",
    "By service and outcome.",
    "short",
    `sum by (service, outcome) (max by (service, version, outcome) (sg_fleet_ends_total)) - sum by (service, outcome) (max by (service, version, outcome) (sg_fleet_ends_total offset ${window}))`,
    "{{service}} {{outcome}}",
  ),
  {
    title: "Queue",
    description: "Messages that no worker has taken in, and those that are not settled.",
    unit: "short",
    queries: [
      { query: "max by (stream, group) (sg_stream_unread)", legend: "{{stream}} unread" },
      { query: "max by (stream, group) (sg_stream_pending)", legend: "{{stream}} pending" },
    ],
  },
  one("Boot and stop, by phase", "The latest of each phase.", "s", "max by (phase) (sg_phase_duration_seconds)", "{{phase}}"),
  one("Event loop", "The 99th percentile of the delay.", "s", "nodejs_eventloop_lag_p99_seconds", "{{job}} {{instance}}"),
  one("Memory", "Resident.", "bytes", "process_resident_memory_bytes", "{{job}} {{instance}}"),
];

/** What a query of the table has as a legend, in Grafana's form. */
const legendOf = (template: string): string => template.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, "{{$1}}");

/** Every panel, the overview first. */
export const panelsOf = (times: Times): Panel[] => [
  ...overview(times),
  ...situations.map(({ title, meaning, panel }) => one(title, meaning, panel.unit, panel.query(times), legendOf(panel.legend))),
];

const columns = 3;
const [width, height] = [8, 8];

/** A model that Grafana imports; its data source is chosen there. */
export const dashboardOf = (times: Times): object => {
  const datasource = { type: "prometheus", uid: `\${datasource}` };
  return {
    uid: "stargazer",
    title: "Stargazer",
    tags: ["stargazer"],
    schemaVersion: 39,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: { list: [{ name: "datasource", label: "Data source", type: "datasource", query: "prometheus" }] },
    panels: panelsOf(times).map(({ title, description, unit, queries }, at) => ({
      id: at + 1,
      type: "timeseries",
      title,
      description,
      datasource,
      gridPos: { x: (at % columns) * width, y: Math.floor(at / columns) * height, w: width, h: height },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: queries.map(({ query, legend }, n) => ({
        refId: String.fromCharCode(65 + n),
        ...{ datasource, expr: query, legendFormat: legend },
      })),
    })),
  };
};
