/** The house: imports point one way, the public door is what it says, edges stay at the edge, and what is written about it is true. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith(".ts"));

/** Each room and the rooms below it that it may import, beside itself, the ground floor and the machines. */
const library = ["redis", "http", "registry", "health", "flight", "service", "leadership", "streams", "launch", "index"];
const pictures = ["charts", "drawing", "timeline", "inspector"];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  machines: [],
  ground: [],
  redis: [],
  http: [],
  registry: ["redis"],
  health: ["http"],
  flight: [],
  service: ["flight", "health", "registry", "redis"],
  launch: ["service", "flight"],
  leadership: ["redis"],
  streams: ["redis"],
  supervisor: [],
  charts: [],
  drawing: ["charts"],
  timeline: ["drawing"],
  index: ["service", "flight", "launch", "registry", "redis"],
  inspector: ["service", "charts", "drawing", "http", "launch"],
  tiers: library,
  fleet: [...library, "supervisor", "inspector", "tiers"],
  testing: ["service", "flight", "registry", "redis", "launch", "index"],
  cli: [...library, ...pictures, "supervisor", "tiers", "fleet"],
};

const roomOf = (file: string): string => {
  const parts = file.split("/");
  if (parts[0] === "machines") return "machines";
  if (parts.length > 2) return parts[1]!;
  const name = parts[1]!.replace(/\.ts$/, "");
  return name === "launch" || name === "index" ? name : "ground";
};

const importsOf = (file: string): string[] =>
  [...read(file).matchAll(/(?:^|\n)(?:import|export)\b[^;]*?from\s+"([^"]+)"|\bimport\("([^"]+)"\)/g)].map(([, a, b]) => a ?? b!);

const all = [...sources("machines"), ...sources("src")];

describe("imports", () => {
  it("point one way", () => {
    const wrong = all.flatMap((file) =>
      importsOf(file)
        .filter((target) => target.startsWith("."))
        .map((target) => relative(root, join(root, dirname(file), target)))
        .filter((target) => {
          const [from, to] = [roomOf(file), roomOf(target)];
          if (from === to || to === "machines") return false;
          if (from === "machines") return true;
          return to !== "ground" && !mayImport[from]?.includes(to);
        })
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it("machines import only xstate", () => {
    const foreign = sources("machines").flatMap((file) =>
      importsOf(file).filter((target) => !target.startsWith("./") && target !== "xstate"),
    );
    expect(foreign).toEqual([]);
  });

  it("no room is unknown to this test or to CONTRIBUTING", () => {
    const rooms = [...new Set(all.map(roomOf))];
    expect(rooms.filter((room) => !(room in mayImport))).toEqual([]);
    const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).filter((name) => !read("CONTRIBUTING.md").includes(`| \`src/${name}/\``))).toEqual([]);
  });
});

describe("edges stay at the edge", () => {
  const using = (pattern: RegExp, except: (file: string) => boolean) =>
    all.filter((file) => !except(file) && pattern.test(read(file)));
  it("process.env is read in one file", () => {
    expect(using(/process\.env\b/, (file) => file === "src/environment.ts")).toEqual([]);
  });
  it("signals and exits are in one file", () => {
    expect(using(/process\.(exit|exitCode|on|once)\b/, (file) => file === "src/process.ts")).toEqual([]);
  });
  it("console is in the CLI only", () => {
    expect(using(/\bconsole\./, (file) => file.startsWith("src/cli/"))).toEqual([]);
  });
  it("no file but a chart is longer than 260 lines", () => {
    expect(all.filter((file) => !file.endsWith(".machine.ts") && read(file).split("\n").length > 260)).toEqual([]);
  });
});

describe("the public door", () => {
  it.each([["../src/index.ts", ["Registry", "StargazerError", "StargazerService", "errorCodes", "launch", "stateNames"]]])(
    "%s exports exactly what is listed here",
    async (file, names) => {
      expect(Object.keys(await import(file)).sort()).toEqual([...names].sort());
    },
  );

  it("machines exports the charts", async () => {
    const machines = await import("../machines/index.ts");
    expect(Object.keys(machines)).toEqual(
      expect.arrayContaining(["lifecycleMachine", "leaseMachine", "leadershipMachine", "supervisorMachine"]),
    );
  });
});
