/** A picture of a chart without a spine: elkjs arranges its states in layers, and its labels stand on their lines. */
import type { ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import type { Chart, ChartState } from "../charts/graph.ts";
import type { Bundle } from "../charts/words.ts";
import { bundlesOf, kindOfLine, reactionsOf } from "../charts/words.ts";
import { StargazerError } from "../errors.ts";
import type { Block, Box, Layout, Line, Pill, Point } from "./layout.ts";
import { boxSize, columnOf, headHeight, noteWidth, pillsOf, sizes } from "./layout.ts";
import { textWidth } from "./measure.ts";
import { anyStateOf, everywhereOf, headerHeight, margin, notesOf } from "./notes.ts";
import { headPills } from "./spine-lines.ts";

const dotSize = 10;
const dotOf = (id: string): string => `${id}#initial`;

const layoutOptions = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.edgeCoords": "ROOT",
  "elk.json.shapeCoords": "ROOT",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.cycleBreaking.strategy": "MODEL_ORDER",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.spacing.nodeNodeBetweenLayers": "22",
  "elk.layered.spacing.edgeNodeBetweenLayers": "14",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "12",
  "elk.spacing.nodeNode": "26",
  "elk.spacing.edgeNode": "16",
  "elk.spacing.edgeEdge": "12",
  "elk.spacing.edgeLabel": "0",
  "elk.layered.thoroughness": "40",
};

interface Plan {
  readonly chart: Chart;
  readonly states: readonly ChartState[];
  readonly bundles: readonly Bundle[];
  readonly blocks: readonly Block[];
}

const planOf = (chart: Chart): Plan => {
  const bundles = bundlesOf(chart);
  return { chart, bundles, states: [...anyStateOf(chart), ...chart.states], blocks: bundles.map(({ words }) => columnOf(words)) };
};

const nodeOf = (state: ChartState, { chart }: Plan): ElkNode => {
  const notes = notesOf(state, chart);
  if (state.children.length === 0) {
    const { width, height } = boxSize(state.name, notes);
    return { id: state.id, width: Math.max(104, width), height };
  }
  const head = textWidth(state.name, sizes.name, { bold: true }) + notes.reduce((sum, note) => sum + noteWidth(note) + 14, 60);
  return {
    id: state.id,
    children: [
      { id: dotOf(state.id), width: dotSize, height: dotSize },
      ...state.children.map((child) => nodeOf(child, { chart } as Plan)),
    ],
    layoutOptions: {
      "elk.padding": `[top=${headHeight + 4},left=18,bottom=18,right=18]`,
      "elk.nodeSize.constraints": "MINIMUM_SIZE",
      "elk.nodeSize.minimum": `(${Math.ceil(head)},${headHeight})`,
    },
  };
};

const straight = { "elk.layered.priority.straightness": "10", "elk.layered.priority.direction": "10" };

const edgesOf = ({ chart, bundles, blocks }: Plan): ElkExtendedEdge[] => [
  ...[chart.root, ...chart.states].flatMap(({ id, initial }) =>
    initial === undefined ? [] : [{ id: dotOf(id), sources: [dotOf(id)], targets: [initial], layoutOptions: straight }],
  ),
  ...bundles.map(({ source, target }, index) => ({
    id: String(index),
    sources: [source],
    targets: [target],
    labels: [
      {
        id: `label ${index}`,
        text: " ",
        width: blocks[index]!.width,
        height: blocks[index]!.height,
        layoutOptions: { "elk.edgeLabels.inline": "true", "elk.edgeLabels.placement": "CENTER" },
      },
    ],
  })),
];

const elkOf = async () => {
  try {
    const { default: module } = await import("elkjs/lib/elk.bundled.js");
    return new (module as unknown as new () => { layout(graph: ElkNode): Promise<ElkNode> })();
  } catch (cause) {
    const message = "this chart has no spine and needs elkjs to be drawn: npm install elkjs";
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
  }
};

const allNodes = (node: ElkNode): ElkNode[] => (node.children ?? []).flatMap((child) => [child, ...allNodes(child)]);
const allEdges = (node: ElkNode): ElkExtendedEdge[] => [...(node.edges ?? []), ...(node.children ?? []).flatMap(allEdges)];

const pointsOf = (edge: ElkExtendedEdge, dx: number, dy: number): Point[] => {
  const { startPoint, bendPoints = [], endPoint } = edge.sections![0]!;
  return [startPoint, ...bendPoints, endPoint].map(({ x, y }) => [x + dx, y + dy] as const);
};

const lineOf = (edge: ElkExtendedEdge, { bundles }: Plan, dx: number, dy: number): Line => {
  const bundle = bundles[Number(edge.id)];
  return {
    ids: bundle?.words.map(({ id }) => id) ?? [],
    kind: bundle ? kindOfLine(bundle.words) : "initial",
    role: "edge",
    points: pointsOf(edge, dx, dy),
    hasHead: true,
    ends: bundle ? [bundle.source, bundle.target] : [...edge.targets],
  };
};

const pillsOn = (edge: ElkExtendedEdge, { blocks }: Plan, dx: number, dy: number): Pill[] => {
  const block = blocks[Number(edge.id)];
  const [label] = edge.labels ?? [];
  return block === undefined || label === undefined ? [] : pillsOf(block, label.x! + dx, label.y! + dy);
};

export const layeredLayout = async (chart: Chart): Promise<Layout> => {
  const plan = planOf(chart);
  const elk = await elkOf();
  const tops = plan.states.filter(({ parent }) => parent === chart.root || parent === undefined);
  const laid = await elk.layout({
    id: "#",
    layoutOptions,
    children: [{ id: dotOf(chart.root.id), width: dotSize, height: dotSize }, ...tops.map((state) => nodeOf(state, plan))],
    edges: edgesOf(plan),
  });
  const width = Math.ceil(Math.max(laid.width! + 2 * margin - 24, 420));
  const everywhere = everywhereOf(chart, headerHeight + 6, width - 2 * margin);
  const [dx, dy] = [margin - 12, everywhere.bottom];
  const nodes = allNodes(laid);
  const placed = (id: string) => {
    const { x, y, width: w, height: h } = nodes.find((node) => node.id === id)!;
    return { x: x! + dx, y: y! + dy, width: w!, height: h! };
  };
  const boxes = plan.states.map((state): Box => ({ state, notes: notesOf(state, chart), ...placed(state.id) }));
  const edges = allEdges(laid);
  const heads = boxes
    .filter(({ state }) => state.children.length > 0)
    .flatMap((box) => headPills(reactionsOf(box.state, chart), box));
  return {
    width,
    height: Math.ceil(laid.height! + dy + margin - 12),
    boxes,
    lines: edges.map((edge) => lineOf(edge, plan, dx, dy)),
    pills: [...edges.flatMap((edge) => pillsOn(edge, plan, dx, dy)), ...heads, ...everywhere.pills],
    dots: nodes.filter(({ id }) => id.endsWith("#initial")).map(({ x, y }) => [x! + dx + dotSize / 2, y! + dy + dotSize / 2]),
    bars: [],
    captions: everywhere.captions,
  };
};
