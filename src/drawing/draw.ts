/** The pictures of the charts. */
import type { ChartName } from "../charts/charts.ts";
import { machineOf } from "../charts/charts.ts";
import { chartOf } from "../charts/graph.ts";
import { landscapeOf } from "./landscape.ts";
import { spineLayout } from "./spine.ts";
import { svgOf } from "./svg.ts";

/** The SVG of a chart, light and dark in one file; the same bytes on every call. */
export const drawChart = (name: ChartName): string => svgOf(name, spineLayout(chartOf(machineOf(name))));

/** The lifecycle as an overview that fits one screen, 960 px wide. */
export const drawLandscape = (): string => landscapeOf("lifecycle", chartOf(machineOf("lifecycle")));
