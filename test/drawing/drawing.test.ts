/** The drawings: the committed files are what the machines draw today, every state and arrow is marked, nothing lies on anything else. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { createActor, createMachine, setup } from "xstate";
import type { PhaseRecord } from "../../machines/index.ts";
import { lifecycleMachine, stopSteps } from "../../machines/index.ts";
import { machineOf } from "../../src/charts/charts.ts";
import { arrowId, chartOf } from "../../src/charts/graph.ts";
import { bundlesOf, textOf } from "../../src/charts/words.ts";
import { drawLandscape } from "../../src/drawing/draw.ts";
import {
  chartFormats,
  chartNames,
  drawChart,
  pictureFiles,
  readmeFile,
  renderChart,
  tableFile,
} from "../../src/drawing/index.ts";
import { firstClause } from "../../src/drawing/landscape.ts";
import type { Box, Layout, Line, Rect } from "../../src/drawing/layout.ts";
import { baselines, sizes } from "../../src/drawing/layout.ts";
import { textWidth } from "../../src/drawing/measure.ts";
import { spineLayout } from "../../src/drawing/spine.ts";
import { svgOf } from "../../src/drawing/svg.ts";
import { deadlinesOf, timelineOf, timelineSvg, timelineTree } from "../../src/timeline/index.ts";
import { openShell } from "../kit/cli.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

describe("the generated files", () => {
  it("are committed as the machines draw them today (else: npm run generate)", () => {
    const files = new Map([...pictureFiles(chartNames), readmeFile(read), tableFile()]);
    const stale = [...files].filter(([path, text]) => read(path) !== text).map(([path]) => path);
    expect(stale).toEqual([]);
  });

  it("have pictures of at most 1100 px each and 500 KB together", () => {
    const pictures = [...chartNames.map(drawChart), drawLandscape()];
    expect(pictures.join("").length).toBeLessThan(500_000);
    for (const picture of pictures) expect(Number(/width="(\d+)"/.exec(picture)?.[1])).toBeLessThanOrEqual(1100);
  });
});

const edgesIn = (svg: string): Set<string> =>
  new Set([...svg.matchAll(/data-edge="([^"]*)"/g)].flatMap(([, ids]) => ids!.replaceAll("&gt;", ">").split(" ")));
const isLeaf = ({ state }: Box): boolean => state.children.length === 0;
const overlap = (one: Rect, two: Rect, slack = 0.01): boolean =>
  one.x < two.x + two.width - slack &&
  two.x < one.x + one.width - slack &&
  one.y < two.y + two.height - slack &&
  two.y < one.y + one.height - slack;
const contains = (outer: Rect, inner: Rect): boolean =>
  outer.x <= inner.x &&
  outer.y <= inner.y &&
  outer.x + outer.width >= inner.x + inner.width &&
  outer.y + outer.height >= inner.y + inner.height;
const pairsOf = <T>(all: readonly T[]): [T, T][] =>
  all.flatMap((one, index) => all.slice(index + 1).map((two): [T, T] => [one, two]));
const segmentsOf = ({ points }: Line): Rect[] =>
  points.slice(1).map(([x, y], index) => {
    const [fromX, fromY] = points[index]!;
    return { x: Math.min(x, fromX), y: Math.min(y, fromY), width: Math.abs(x - fromX), height: Math.abs(y - fromY) };
  });
const crosses = (line: Line, rect: Rect): boolean => segmentsOf(line).some((segment) => overlap(segment, rect, 0.5));
const isWithin = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}.`);

/** Where the name of a frame stands. */
const titleOf = ({ x, y, state }: Box): Rect => ({
  x: x + 18,
  y: y + 14,
  width: textWidth(state.name, sizes.name, { bold: true }),
  height: 18,
});
const captionsOf = ({ captions }: Layout): Rect[] =>
  captions.map(({ x, y, text, className }) => {
    const width = textWidth(text, sizes.caption);
    return { x: className === "end" ? x - width : x, y: y - 11, width, height: 14 };
  });

/** Regions side by side, compounds within them, an end that several states lead to, an arrow to itself. */
const regions = chartOf(
  setup({}).createMachine({
    id: "regions",
    description: "Two regions that run beside one another.",
    type: "parallel",
    states: {
      port: {
        description: "Answers probes.",
        initial: "closed",
        states: {
          closed: { on: { open: "listening" } },
          listening: {
            initial: "thread",
            on: { end: "gone", again: { target: "listening", reenter: true } },
            states: { thread: { on: { "thread.died": "main" } }, main: { on: { end: "#regions.port.gone" } } },
          },
          gone: { type: "final" },
        },
      },
      redis: {
        initial: "reachable",
        states: { reachable: { on: { lost: "away" } }, away: { on: { found: "reachable" } } },
      },
    },
  }),
);

const all = [...chartNames.map((name) => [name, chartOf(machineOf(name))] as const), ["regions", regions] as const];

describe.each(all)("the picture of %s", (name, chart) => {
  const svg = svgOf(name, spineLayout(chart));
  const layout = spineLayout(chart);
  const { labels, boxes, bars, lines, width, height } = layout;
  const frames = boxes.filter((box) => !isLeaf(box));
  const page = { x: 0, y: 0, width, height };

  it("marks every state and every transition", () => {
    const edges = edgesIn(svg);
    expect(chart.states.map(({ id }) => id).filter((id) => !svg.includes(`data-state="${id}"`))).toEqual([]);
    expect(chart.arrows.map(({ id }) => id).filter((id) => !edges.has(id))).toEqual([]);
    expect([...edges].filter((id) => !chart.arrows.some((arrow) => arrow.id === id))).toEqual([]);
  });

  it("describes each state on hover", () => {
    const described = [...chart.states].filter(({ description }) => description !== undefined);
    expect(described.filter(({ description }) => !svg.includes(`<title>${description}</title>`))).toEqual([]);
  });

  it("has the same bytes on every drawing", () => {
    expect(svgOf(name, spineLayout(chart))).toBe(svg);
  });

  it("has no words on words, on boxes or across a frame's border", () => {
    const solid: Rect[] = [...boxes.filter(isLeaf), ...frames.map(titleOf), ...captionsOf(layout), ...bars];
    const across = (rect: Rect) => frames.some((frame) => overlap(rect, frame) && !contains(frame, rect));
    expect(pairsOf(labels).filter(([one, two]) => overlap(one, two))).toEqual([]);
    expect(labels.filter((label) => solid.some((rect) => overlap(label, rect)))).toEqual([]);
    expect(labels.filter(across)).toEqual([]);
    expect(captionsOf(layout).filter(across)).toEqual([]);
    expect(pairsOf(solid).filter(([one, two]) => overlap(one, two))).toEqual([]);
  });

  it("keeps every word inside its box and every box inside the page", () => {
    expect([...boxes, ...labels, ...captionsOf(layout)].filter((rect) => !contains(page, rect))).toEqual([]);
    for (const box of boxes.filter(isLeaf)) {
      const { name: first, notes } = baselines(box);
      expect(first - 12).toBeGreaterThanOrEqual(box.y);
      expect(notes.at(-1) ?? first).toBeLessThanOrEqual(box.y + box.height - 4);
    }
    for (const label of labels) expect(textWidth(textOf(label.word), sizes.word)).toBeLessThan(label.width);
  });

  it("runs no line through a box, through the name of a frame or under any word", () => {
    const visible = lines.filter(({ role }) => role !== "trace");
    const through = lines.flatMap((line) =>
      boxes
        .filter(
          (box) =>
            !line.ends.some((end) => isWithin(end, box.state.id) && (end === box.state.id || !isLeaf(box))) && crosses(line, box),
        )
        .map(({ state }) => `${line.ends.join(" to ")} runs through ${state.id}`),
    );
    const under = visible.flatMap((line) =>
      [...labels, ...frames.map(titleOf), ...captionsOf(layout)]
        .filter((rect) => crosses(line, rect))
        .map((rect) => `${line.ends.join(" to ")} runs under the word at ${Math.round(rect.x)}, ${Math.round(rect.y)}`),
    );
    expect(through).toEqual([]);
    expect(under).toEqual([]);
  });

  it("explains each colour and shape that occurs, each once", () => {
    const shapes = layout.header.legend.map(({ shape }) => shape);
    const kinds = labels.flatMap(({ word }) => (word.parts.length === 0 ? [word.kind] : word.parts.map(({ kind }) => kind)));
    expect(shapes).toEqual([...new Set(shapes)]);
    // a guard in a row of its own is of no colour: its events are in the row above
    expect(kinds.filter((kind) => kind !== "mixed" && !shapes.includes(kind as never))).toEqual([]);
    expect(shapes.includes("rail")).toBe(lines.some(({ role }) => role === "rail"));
    expect(shapes.includes("final")).toBe(chart.states.some(({ type }) => type === "final"));
  });
});

describe.each(chartNames)("the chart %s", (name) => {
  const chart = chartOf(machineOf(name));

  it("becomes Mermaid with every state and every line", () => {
    const mermaid = renderChart(name, "mermaid");
    for (const { name: state } of chart.states) expect(mermaid).toContain(`state "${state}" as`);
    const arrows = mermaid.split("\n").filter((line) => /^ {2}\w+ --> \w+: ./.test(line));
    expect(arrows).toHaveLength(bundlesOf(chart).length);
  });

  it("becomes JSON that is the same machine", () => {
    const again = chartOf(createMachine(JSON.parse(renderChart(name, "json")) as never));
    expect(again.states.map(({ id }) => id)).toEqual(chart.states.map(({ id }) => id));
    expect(again.arrows).toEqual(chart.arrows);
    expect(again.states.map(({ invokes, initial, tags }) => ({ invokes, initial, tags }))).toEqual(
      chart.states.map(({ invokes, initial, tags }) => ({ invokes, initial, tags })),
    );
  });
});

describe("the landscape", () => {
  const svg = drawLandscape();
  const { root } = chartOf(machineOf("lifecycle"));
  const steps = root.children.find(({ name }) => name === "stopping")!.children;

  it("shows every state and every step of stopping, with what each does", () => {
    expect([...svg.matchAll(/data-state="([^"]+)"/g)].map(([, id]) => id)).toEqual(
      [...root.children, ...steps].map(({ id }) => id),
    );
    const plain = svg.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
    for (const { name, description } of [...root.children, ...steps])
      expect(plain).toContain(`${name} ${firstClause(description)}`);
  });

  it("has a bar for what takes traffic and one for the lease", () => {
    expect(svg).toContain(">takes traffic<");
    expect(svg).toMatch(/>lease: [^<]+</);
  });

  it("says that each step of stopping leads to the next one, however it ends", () => {
    expect(svg).toContain(">each step has a deadline; one that fails or overruns is named, and the next one runs<");
  });

  it("fits above the first example: 960 px wide and at most 320 px high", () => {
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!;
    expect(Number(width)).toBe(960);
    expect(Number(height)).toBeLessThanOrEqual(320);
  });

  it("has the same bytes on every drawing", () => {
    expect(drawLandscape()).toBe(svg);
  });
});

it("an arrow's id is made of its source, event and target", () => {
  expect(arrowId("lifecycle.init", "boot", "lifecycle.jitter")).toBe("lifecycle.init|boot|lifecycle.jitter");
  expect(arrowId("lease", "status", undefined)).toBe("lease|status|lease");
});

describe("a timeline", () => {
  /** the wall clock is set by an hour as `stopping` begins */
  const record = (phase: string, offsetMs: number, durationMs?: number, outcome?: PhaseRecord["outcome"]): PhaseRecord => ({
    phase,
    startedAt: offsetMs + (phase.startsWith("stopping") ? 3_600_000 : 0),
    offsetMs,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(outcome === undefined ? {} : { outcome }),
  });
  const records = [
    record("init", 1000, 0, "done"),
    record("starting", 1000, 90, "failed"),
    record("starting.tools", 1010, 50, "done"),
    record("starting.tools.index", 1020, 10, "done"),
    record("registering", 1090, 0, "skipped"),
    record("stopping", 1090),
    record("stopping.draining", 1090),
  ];

  it("nests its phases by the dots in their names", () => {
    expect(timelineTree(records, 3090)).toEqual([
      "├─ init          0 ms",
      "├─ starting     90 ms  failed",
      "│  └─ tools     50 ms",
      "│     └─ index  10 ms",
      "├─ registering         skipped",
      "└─ stopping     2.0 s  under way",
      "   └─ draining  2.0 s  under way",
    ]);
  });

  it("puts a phase into the latest one that it lies in", () => {
    const { phases } = timelineOf([record("a", 0, 1, "done"), record("a", 5, 9, "done"), record("a.b", 6, 1, "done")]);
    expect(phases.map((phase) => phase.phases.length)).toEqual([0, 1]);
  });

  it("is empty where there are no records", () => {
    expect(timelineTree([])).toEqual([]);
    expect(timelineOf([])).toEqual({ startedAt: 0, durationMs: 0, phases: [] });
    expect(timelineSvg(timelineOf([]), "nothing")).toContain("<svg");
  });

  it("marks each phase in the picture and escapes its name", () => {
    const svg = timelineSvg(timelineOf([...records, record("starting.<b>", 1020, 1, "done")], 3090), "a & b");
    for (const { phase } of records) expect(svg).toContain(`data-phase="${phase}"`);
    expect(svg).not.toMatch(/<b>|a & b/);
  });

  it("cuts a run out that is long beside boot and stop, and draws a short one to scale", () => {
    const life = (runMs: number) =>
      timelineOf([
        record("starting", 0, 100, "done"),
        record("running", 100, runMs, "done"),
        record("stopping", 100 + runMs, 50, "done"),
      ]);
    expect(timelineSvg(life(5000), "long")).toMatch(/class="cut"[\s\S]*>run 5\.0 s</);
    expect(timelineSvg(life(20), "short")).not.toContain('class="cut"');
  });

  it("marks a deadline where it lies in the picture, and points to a later one", () => {
    const timeline = timelineOf([record("starting", 0, 100, "timeout"), record("stopping", 100, 50, "done")]);
    expect(timelineSvg(timeline, "late", { starting: 100 })).toContain('class="until"');
    expect(timelineSvg(timeline, "early", { starting: 60_000 })).toContain('class="later"');
  });

  it("takes the deadlines from the chart and the settings of the run", () => {
    const { context } = createActor(lifecycleMachine, {
      input: { settings: { startTimeoutMs: 123, jitterMaxMs: 45 } },
    }).getSnapshot();
    const all = [record("init", 0, 0, "done"), record("jitter", 0, 9, "done"), record("starting", 9, 90, "done")];
    expect(deadlinesOf([...all, record("starting.tools", 10, 50, "done")], context)).toEqual({ jitter: 45, starting: 123 });
  });

  it("of a real run stands among the visualizations, from init to the last step of stopping", () => {
    const { deadlines, ...timeline } = JSON.parse(read("visualizations/timeline.json"));
    const { phases } = timeline as ReturnType<typeof timelineOf>;
    const states = ["init", "jitter", "pinging", "starting", "registering", "healthy", "running", "stopping"];
    expect(phases.map(({ phase }) => phase).filter((phase) => phase !== "stopped")).toEqual(states);
    expect(phases.find(({ phase }) => phase === "stopping")?.phases.map(({ name }) => name)).toEqual(stopSteps);
    const svg = read("visualizations/timeline.svg");
    expect(timelineSvg(timeline, "example", deadlines)).toBe(svg);
    const tree = read("visualizations/timeline.txt");
    for (const phase of states) expect(svg).toContain(`data-phase="${phase}"`);
    for (const phase of states) expect(tree).toContain(`─ ${phase} `);
  });
});

describe("stargazer machines", () => {
  const shell = openShell();
  afterAll(() => shell.remove());

  it("lists the machines, and prints one in each format", async () => {
    expect((await shell.run(["machines"])).out.trim().split("\n")).toEqual(chartNames);
    for (const format of chartFormats) {
      const { code, out } = await shell.run(["machines", "leadership", "--format", format]);
      expect({ code, out }).toEqual({ code: 0, out: renderChart("leadership", format) });
    }
  });

  it.each([
    [["leese"], 'unknown machine "leese"'],
    [["lease", "lifecycle"], "name one machine"],
    [["lease", "--format", "png"], 'unknown format "png": use svg, mermaid, json'],
  ])("refuses %j", async (args, message) => {
    const { code, err } = await shell.run(["machines", ...args]);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it("with --write writes nothing into the folder of another package", async () => {
    writeFileSync(`${shell.folder}/package.json`, '{"name":"app"}');
    const program = `${root}dist/src/cli/main.js`;
    const called = promisify(execFile)(process.execPath, [program, "machines", "lease", "--write"], { cwd: shell.folder });
    await expect(called).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("stargazer machines NAME > NAME.svg"),
    });
    expect(readdirSync(shell.folder)).not.toContain("visualizations");
  });

  it("with --write writes all files of a machine into the package's own folder", async () => {
    writeFileSync(`${shell.folder}/package.json`, '{"name":"stargazer"}');
    const program = `${root}dist/src/cli/main.js`;
    await promisify(execFile)(process.execPath, [program, "machines", "lease", "--write"], { cwd: shell.folder });
    for (const extension of ["svg", "mmd", "json"]) {
      const path = `visualizations/lease.${extension}`;
      expect(readFileSync(`${shell.folder}/${path}`, "utf8")).toBe(read(path));
    }
  });
});
