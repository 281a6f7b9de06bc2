/** Charts and boots as pictures. */
export type { ChartName } from "./charts.ts";
export { chartNames, isChartName } from "./charts.ts";
export { drawChart } from "./draw.ts";
export type { ChartFormat } from "./generate.ts";
export { chartFormats, pictureFiles, readmeFile, renderChart } from "./generate.ts";
export { arrowId } from "./graph.ts";
export { chartStyle } from "./style.ts";
export type { Timeline, TimelinePhase } from "./timeline.ts";
export { durationText, timelineOf } from "./timeline.ts";
export { timelineSvg } from "./timeline-svg.ts";
export { timelineTree } from "./timeline-tree.ts";
