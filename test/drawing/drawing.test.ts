/** The drawings: what is committed is what the machines draw, every state and arrow can be found in it, and nothing lies on anything else. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { createMachine } from "xstate";
import type { PhaseRecord } from "../../machines/index.ts";
import { stopSteps } from "../../machines/index.ts";
import { machineOf } from "../../src/charts/charts.ts";
import { arrowId, chartOf } from "../../src/charts/graph.ts";
import { bundlesOf } from "../../src/charts/words.ts";
import { layoutOf } from "../../src/drawing/draw.ts";
import { chartFormats, chartNames, drawChart, pictureFiles, readmeFile, renderChart } from "../../src/drawing/index.ts";
import type { Box, Layout, Line, Rect } from "../../src/drawing/layout.ts";
import { baselines, sizes } from "../../src/drawing/layout.ts";
import { textWidth } from "../../src/drawing/measure.ts";
import { hasSpine } from "../../src/drawing/spine-rows.ts";
import { timelineOf, timelineSvg, timelineTree } from "../../src/timeline/index.ts";
import { openShell } from "../kit/cli.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, "utf8");

describe("what is generated", () => {
  it("is committed as the machines draw it today (else: npm run generate)", async () => {
    const files = new Map([...(await pictureFiles(chartNames)), readmeFile(read)]);
    const stale = [...files].filter(([path, text]) => read(path) !== text).map(([path]) => path);
    expect(stale).toEqual([]);
  });

  it("stays within 300 KB for all pictures together and 1000 px for each", async () => {
    const pictures = await Promise.all(chartNames.map(drawChart));
    expect(pictures.join("").length).toBeLessThan(300_000);
    for (const picture of pictures) expect(Number(/width="(\d+)"/.exec(picture)?.[1])).toBeLessThanOrEqual(1000);
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
  captions.map(({ x, y, text }) => ({ x, y: y - 11, width: textWidth(text, sizes.note), height: 14 }));

describe.each(chartNames)("the picture of %s", (name) => {
  const chart = chartOf(machineOf(name));

  it("marks every state and every transition", async () => {
    const svg = await drawChart(name);
    const edges = edgesIn(svg);
    expect(chart.states.map(({ id }) => id).filter((id) => !svg.includes(`data-state="${id}"`))).toEqual([]);
    expect(chart.arrows.map(({ id }) => id).filter((id) => !edges.has(id))).toEqual([]);
    expect([...edges].filter((id) => !chart.arrows.some((arrow) => arrow.id === id))).toEqual([]);
  });

  it("is the same on every drawing", async () => {
    expect(await drawChart(name)).toBe(await drawChart(name));
  });

  it("has no words on words, on boxes or across a frame's border", async () => {
    const layout = await layoutOf(chart);
    const { pills, boxes, bars } = layout;
    const frames = boxes.filter((box) => !isLeaf(box));
    const solid: Rect[] = [...boxes.filter(isLeaf), ...frames.map(titleOf), ...captionsOf(layout), ...bars];
    expect(pairsOf(pills).filter(([one, two]) => overlap(one, two))).toEqual([]);
    expect(pills.filter((pill) => solid.some((rect) => overlap(pill, rect)))).toEqual([]);
    expect(pills.filter((pill) => frames.some((frame) => overlap(pill, frame) && !contains(frame, pill)))).toEqual([]);
    expect(pairsOf(solid).filter(([one, two]) => overlap(one, two))).toEqual([]);
  });

  it("keeps every word inside its box and every box inside the page", async () => {
    const { boxes, pills, width, height } = await layoutOf(chart);
    const page = { x: 0, y: 0, width, height };
    expect([...boxes, ...pills].filter((rect) => !contains(page, rect))).toEqual([]);
    for (const box of boxes.filter(isLeaf)) {
      const { name: first, notes } = baselines(box);
      expect(first - 12).toBeGreaterThanOrEqual(box.y);
      expect(notes.at(-1) ?? first).toBeLessThanOrEqual(box.y + box.height - 4);
    }
    for (const pill of pills) expect(textWidth(`${pill.word.text}${pill.word.guard}`, sizes.pill)).toBeLessThan(pill.width);
  });

  it("runs no line through a box or under a word that is not its own", async () => {
    const { lines, boxes, pills } = await layoutOf(chart);
    const through = lines.flatMap((line) =>
      boxes
        .filter(
          (box) =>
            !line.ends.some((end) => isWithin(end, box.state.id) && (end === box.state.id || !isLeaf(box))) && crosses(line, box),
        )
        .map(({ state }) => `${line.ends.join(" to ")} runs through ${state.id}`),
    );
    const under = lines
      .filter(({ role, ids }) => role !== "trace" && ids.length > 0)
      .flatMap((line) =>
        pills
          .filter(({ word }) => !line.ids.includes(word.id))
          .filter((pill) => crosses(line, pill))
          .map(({ word }) => `${line.ids[0]} runs under ${word.id}`),
      );
    expect(through).toEqual([]);
    expect(under).toEqual([]);
  });

  it("becomes Mermaid with every state and every line", async () => {
    const mermaid = await renderChart(name, "mermaid");
    for (const { name: state } of chart.states) expect(mermaid).toContain(`state "${state}" as`);
    const arrows = mermaid.split("\n").filter((line) => /^ {2}\w+ --> \w+: ./.test(line));
    expect(arrows).toHaveLength(bundlesOf(chart).length);
  });

  it("becomes JSON that is the same machine", async () => {
    const again = chartOf(createMachine(JSON.parse(await renderChart(name, "json")) as never));
    expect(again.states.map(({ id }) => id)).toEqual(chart.states.map(({ id }) => id));
    expect(again.arrows).toEqual(chart.arrows);
    expect(again.states.map(({ invokes, initial, tags }) => ({ invokes, initial, tags }))).toEqual(
      chart.states.map(({ invokes, initial, tags }) => ({ invokes, initial, tags })),
    );
  });
});

it("a chart whose states follow one another has a spine, others have not", () => {
  const spines = chartNames.filter((name) => hasSpine(chartOf(machineOf(name))));
  expect(spines).toEqual(["lifecycle", "lease"]);
});

it("an arrow is found by its source, event and target", () => {
  expect(arrowId("lifecycle.init", "boot", "lifecycle.jitter")).toBe("lifecycle.init|boot|lifecycle.jitter");
  expect(arrowId("lease", "status", undefined)).toBe("lease|status|lease");
});

describe("a timeline", () => {
  const record = (phase: string, startedAt: number, durationMs?: number, outcome?: PhaseRecord["outcome"]): PhaseRecord => ({
    phase,
    startedAt,
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

  it("nests phases by the dots in their names", () => {
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

  it("gives a phase to the latest one it lies in", () => {
    const { phases } = timelineOf([record("a", 0, 1, "done"), record("a", 5, 9, "done"), record("a.b", 6, 1, "done")]);
    expect(phases.map((phase) => phase.phases.length)).toEqual([0, 1]);
  });

  it("of nothing is empty", () => {
    expect(timelineTree([])).toEqual([]);
    expect(timelineOf([])).toEqual({ startedAt: 0, durationMs: 0, phases: [] });
    expect(timelineSvg([], "nothing")).toContain("<svg");
  });

  it("marks each phase in the picture and harms no markup", () => {
    const svg = timelineSvg([...records, record("starting.<b>", 1020, 1, "done")], "a & b", 3090);
    for (const { phase } of records) expect(svg).toContain(`data-phase="${phase}"`);
    expect(svg).not.toMatch(/<b>|a & b/);
  });

  it("of a real run is among the visualizations, from init to the last step of stopping", () => {
    const { phases } = JSON.parse(read("visualizations/timeline.json")) as ReturnType<typeof timelineOf>;
    const states = ["init", "jitter", "pinging", "starting", "registering", "healthy", "running", "stopping"];
    expect(phases.map(({ phase }) => phase).filter((phase) => phase !== "stopped")).toEqual(states);
    expect(phases.find(({ phase }) => phase === "stopping")?.phases.map(({ name }) => name)).toEqual(stopSteps);
    const svg = read("visualizations/timeline.svg");
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
      expect({ code, out }).toEqual({ code: 0, out: await renderChart("leadership", format) });
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

  it("writes all files of a machine where it is called", async () => {
    const program = `${root}dist/src/cli/main.js`;
    await promisify(execFile)(process.execPath, [program, "machines", "lease", "--write"], { cwd: shell.folder });
    for (const extension of ["svg", "mmd", "json"]) {
      const path = `visualizations/lease.${extension}`;
      expect(readFileSync(`${shell.folder}/${path}`, "utf8")).toBe(read(path));
    }
  });
});
