/** The phases of one run as text and as a picture. */
export { deadlinesOf } from "./deadlines.ts";
export { timelineOf } from "./timeline.ts";
export { timelineSvg } from "./timeline-svg.ts";
export { timelineTree } from "./timeline-tree.ts";
