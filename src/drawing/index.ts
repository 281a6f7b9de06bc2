/** Charts and boots as pictures. */
export type { ChartName } from "./charts.ts";
export { chartNames, isChartName } from "./charts.ts";
export { drawChart } from "./draw.ts";
export { arrowId } from "./graph.ts";
export { chartStyle } from "./style.ts";
