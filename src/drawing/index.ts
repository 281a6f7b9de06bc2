/** Charts and boots as pictures. */
export type { ChartName } from "./charts.ts";
export { chartNames, isChartName } from "./charts.ts";
export { drawChart } from "./draw.ts";
export type { ChartFormat } from "./generate.ts";
export { chartFormats, pictureFiles, readmeFile, renderChart } from "./generate.ts";
export { timelineOf } from "./timeline.ts";
export { timelineSvg } from "./timeline-svg.ts";
export { timelineTree } from "./timeline-tree.ts";
