/** The picture of a chart. */
import type { ChartName } from "../charts/charts.ts";
import { machineOf } from "../charts/charts.ts";
import type { Chart } from "../charts/graph.ts";
import { chartOf } from "../charts/graph.ts";
import type { Layout } from "./layout.ts";
import { spineLayout } from "./spine.ts";
import { hasSpine } from "./spine-rows.ts";
import { svgOf } from "./svg.ts";

/** elkjs is large and optional: it is loaded when a chart needs it. */
export const layoutOf = async (chart: Chart): Promise<Layout> =>
  hasSpine(chart) ? spineLayout(chart) : (await import("./layered.ts")).layeredLayout(chart);

/** The SVG of a chart. Rejects with `SG_ERR_CONFIG_INVALID` where the chart needs elkjs and it is not installed. */
export const drawChart = async (name: ChartName): Promise<string> => svgOf(name, await layoutOf(chartOf(machineOf(name))));
