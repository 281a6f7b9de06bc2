/** Charts as pictures and as text. */
export type { ChartName } from "../charts/charts.ts";
export { chartNames, isChartName } from "../charts/charts.ts";
export { drawChart } from "./draw.ts";
export type { ChartFormat } from "./generate.ts";
export { chartFormats, pictureFiles, readmeFile, renderChart, tableFile } from "./generate.ts";
