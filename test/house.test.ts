/** The house: imports point one way and in no circle, names of states stay in the charts, edges at the edge, tests read no clock. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { stateNames, stopSteps } from "../machines/index.ts";
import { claims } from "./faults/claims.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const filesIn = (folder: string, extensions: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => extensions.test(file));
const sources = (folder: string): string[] => filesIn(folder, /\.ts$/);
const foldersIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

/** Each room and the rooms below it that it may import, beside itself, the ground floor and the machines. */
const library = [
  "redis",
  "http",
  "registry",
  "journal",
  "health",
  "flight",
  "traces",
  "service",
  "leadership",
  "streams",
  "instances",
  "launch",
  "index",
];
const pictures = ["charts", "drawing", "timeline", "inspector"];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  machines: [],
  ground: [],
  redis: [],
  http: [],
  registry: ["redis"],
  health: ["http"],
  early: ["health"],
  flight: ["journal"],
  journal: ["redis", "registry"],
  traces: [],
  service: ["flight", "traces", "health", "journal", "registry", "redis"],
  notify: ["service"],
  launch: ["service", "flight", "traces", "notify"],
  leadership: ["redis", "service"],
  streams: ["redis"],
  instances: ["journal", "registry", "redis", "http"],
  supervisor: [],
  charts: [],
  drawing: ["charts"],
  timeline: ["drawing"],
  index: ["service", "flight", "launch", "registry", "redis"],
  inspector: ["service", "charts", "drawing", "http", "launch"],
  tiers: [...library, "journal", "instances"],
  fleet: [...library, "supervisor", "inspector", "tiers"],
  config: ["service"],
  manifests: ["service", "config", "launch"],
  telemetry: [],
  testing: ["service", "flight", "registry", "redis", "launch", "index"],
  cli: [...library, ...pictures, "supervisor", "tiers", "fleet", "config", "manifests", "telemetry"],
};

const roomOf = (file: string): string => {
  const parts = file.split("/");
  if (parts[0] === "machines") return "machines";
  if (parts.length > 2) return parts[1]!;
  const name = parts[1]!.replace(/\.ts$/, "");
  return ["launch", "index", "early"].includes(name) ? name : "ground";
};

/** What a file imports, types included. */
const importsOf = (file: string): string[] =>
  [
    ...read(file).matchAll(
      /(?:^|\n)(?:import|export)\b[^;]*?from\s+"([^"]+)"|(?:^|\n)import\s+"([^"]+)"|\b(?:import|require)\("([^"]+)"\)/g,
    ),
  ].map((found) => found.slice(1).find((target) => target !== undefined)!);
/** The files of this tree that a file imports. */
const targetsOf = (file: string): string[] =>
  importsOf(file)
    .filter((target) => target.startsWith("."))
    .map((target) => relative(root, join(root, dirname(file), target)));

const all = [...sources("machines"), ...sources("src")];

describe("imports", () => {
  it("point one way", () => {
    const wrong = all.flatMap((file) =>
      targetsOf(file)
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
    expect(foldersIn("src").filter((name) => !read("CONTRIBUTING.md").includes(`| \`src/${name}/\``))).toEqual([]);
  });

  it("form no circle, types included", () => {
    const done = new Set<string>();
    const circleFrom = (file: string, path: readonly string[]): readonly string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      const circle = targetsOf(file)
        .map((target) => circleFrom(target, [...path, file]))
        .find((found) => found !== undefined);
      done.add(file);
      return circle;
    };
    const modules = [...all, ...filesIn("src", /\.(js|cjs)$/)];
    expect(modules.flatMap((file) => circleFrom(file, [])?.join(" -> ") ?? [])).toEqual([]);
  });

  it("of the package itself load no file of tiers, fleet or cli, none of a picture, of a leadership and of a trace", () => {
    // a loader hook writes the URL of each module that is really loaded
    const hook = `import { writeSync } from "node:fs";
      export const load = (url, context, next) => { writeSync(1, url + "\\n"); return next(url, context); };`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
    const preload = `data:text/javascript,${encodeURIComponent(register)}`;
    const args = ["--import", preload, "--input-type=module", "--eval", 'await import("stargazer");'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    expect(stderr).toBe("");
    const files = stdout.split("\n").flatMap((url) => /\/dist\/(src|machines)\/.+$/.exec(url)?.[0] ?? []);
    // a file that the build has made of many names each module before its code
    const loaded = files.flatMap((file) =>
      [...`// ${file.slice(1)}\n${read(file.slice(1))}`.matchAll(/^\/\/ dist\/src\/(.+)$/gm)].map(([, name]) => name!),
    );
    expect(loaded).toContain("service/service.js");
    expect(
      loaded.filter((file) => /^(tiers|fleet|cli|inspector|drawing|charts|timeline|testing|leadership|traces)\//.test(file)),
    ).toEqual([]);
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
  it("F53: console is in the file that cleans what the CLI prints, and no other file of the CLI writes to a stream", () => {
    const isPrinter = (file: string) => file === "src/cli/print.ts";
    expect(using(/\bconsole\b/, isPrinter)).toEqual([]);
    const writes = /\bstd(?:out|err)\s*\.\s*(?:write|end)\b|\b(?:writeSync|writeOut)\b|screen\.write/;
    expect(using(writes, (file) => isPrinter(file) || !file.startsWith("src/cli/"))).toEqual([]);
  });
  it("F53: a warning of the process is emitted in the file that cleans it", () => {
    expect(using(/\bemitWarning\b/, (file) => file === "src/logger.ts")).toEqual([]);
  });
  it("F61: timers and the monotonic clock of the library are those of src/clock.ts, which fake timers leave alone", () => {
    // a command line runs under no fake timers; `process.ts` holds a process open, `launch/session.ts` the second after its last service
    const isOutside = (file: string) => /^src\/(?:cli\/|fleet\/|(?:clock|process|launch\/session|notify\/thread)\.ts)/.test(file);
    const timers = /^(?!\s*\*).*(?:(?<![.\w])(?:setTimeout|setInterval|setImmediate)\(|\bperformance\.now\(\)(?!`))/m;
    expect(using(timers, (file) => isOutside(file) || file.startsWith("machines/"))).toEqual([]);
  });
  it("F65: fetch, which asks the proxy of the environment, is for the endpoint of a model alone", () => {
    expect(using(/\bfetch\(/, (file) => file === "src/tiers/inference/endpoint.ts")).toEqual([]);
  });
  it("every file begins with a comment on its purpose", () => {
    const beginsWithComment = (file: string) => /^(?:#!.*\n)?(?:<!doctype html>\n)?\s*(?:\/[*/]|<!--)/i.test(read(file));
    const files = [...filesIn("machines", /\.ts$/), ...filesIn("src", /\.(ts|js|mjs|cjs|css)$/)];
    expect(files.filter((file) => !beginsWithComment(file))).toEqual([]);
  });
  it("no file but a chart is longer than 260 lines", () => {
    expect(all.filter((file) => !file.endsWith(".machine.ts") && read(file).split("\n").length > 260)).toEqual([]);
  });
});

describe("F39: the wall clock", () => {
  /** Each file that reads it, and what it tells there. Ages of what another machine wrote are the only differences, and nothing waits for them. */
  const tells: Readonly<Record<string, string>> = {
    "machines/lifecycle.machine.ts": "the default of epochNow",
    "src/clock.ts": "epochNow",
    "src/logger.ts": "the time of a line",
    "src/inspector/picture.ts": "when a picture was taken",
    "src/cli/fleet.ts": "the time of a line",
    "src/cli/lines.ts": "the time of a fact",
    "src/fleet/index.ts": "startedAt in the note of a fleet",
    "src/fleet/views.ts": "since in a view",
    "src/tiers/gateway/gateway.ts": "when a message came",
    "src/tiers/inference/inference.ts": "when a message was answered",
  };
  const files = [...sources("machines"), ...filesIn("src", /\.(?:ts|js|cjs|mjs)$/)];

  it("is read where it tells the time, and nowhere else", () => {
    const reads = files.filter((file) => /\bDate\.now\b|new Date\(\)/.test(read(file)));
    expect(reads.sort()).toEqual(Object.keys(tells).sort());
  });

  it("measures nothing: no difference but an age that is shown, and no comparison", () => {
    const measures = /(?:Date\.now|epochNow)\(\)\s*[-+<>]|(?:[-+<]|(?<!=)>)=?\s*(?:Date\.now|[\w.]*epochNow)\(\)/;
    const found = files.flatMap((file) =>
      read(file)
        .split("\n")
        .filter((line) => measures.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(found.filter((line) => !/^src\/inspector\/recorder\.ts: /.test(line))).toEqual([]);
  });
});

describe("a name of a state stands in the charts only", () => {
  /**
   * Whole literals, in the library and in the pages. The word of another vocabulary is allowed where its line shows it: the type of
   * a fact (`type: "stopped"`, `case "stopped":` of a switch over types), and a status of XState's or of another chart by file below.
   */
  const names = new RegExp(`(["'\`])(${stateNames.join("|")}|stopping\\.(?:${stopSteps.join("|")}))\\1`);
  /** As part of a class, a property of a style, or a member of a table by names; comments are left out. */
  const partly = new RegExp(`(?:[.\\s"'\`]is-|--s-|\\bstates?\\.)(${stateNames.join("|")})\\b`);
  const isFactType = /\btype\b"?\)?\s*(?:[:?]|===|!==)\s*(?:readonly )?["']\w+["']|^\s*case ["']stopped["']:/;
  const otherWords: Readonly<Record<string, string>> = {
    "src/inspector/slim.ts": "the status of an XState actor",
    "src/flight/story.ts": "a list of types of facts",
    "src/health/readiness.ts": "the reason in /readyz, a word of the contract",
  };
  const withoutComments = (text: string) =>
    text.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, "")).replaceAll(/(?<![:"'\w])\/\/.*$/gm, "");

  it("and in no file of the library or of a page", () => {
    const files = filesIn("src", /\.(ts|js|mjs|cjs|html|css)$/).filter((file) => !(file in otherWords));
    const found = files.flatMap((file) =>
      withoutComments(read(file))
        .split("\n")
        .flatMap((line, at) =>
          (names.test(line) && !isFactType.test(line)) || partly.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [],
        ),
    );
    expect(found).toEqual([]);
  });
});

describe("tests", () => {
  const files = filesIn("test", /\.test\.ts$/);

  it("lie in the same tree as the sources", () => {
    const own = ["kit", "fixtures", "chaos", "faults", "fuzz", "sight", "simulation", "mutate", "bench", "machines", "recipes"];
    expect(foldersIn("test").filter((name) => !own.includes(name) && !foldersIn("src").includes(name))).toEqual([]);
  });

  it("have a case for every fault, by its number", () => {
    const texts = files.map(read).join();
    expect(Object.keys(claims).filter((id) => !new RegExp(`["\`]${id}[:"\`]`).test(texts))).toEqual([]);
  });

  /** Statements without their texts and comments. */
  const statementsOf = (file: string): string[] =>
    read(file)
      .replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, "")
      .replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
      .split(/;\n|\{\n/)
      .map((statement) => statement.replaceAll(/\s+/g, " ").trim());
  // the bench is about nothing but times; the simulation and the chart tests have a virtual clock
  const timeless = filesIn("test", /\.ts$/).filter((file) => !/^test\/(?:bench|simulation)\/|house\.test/.test(file));
  const found = (isTimed: (statement: string) => boolean, among: readonly string[]) =>
    among.flatMap((file) => statementsOf(file).flatMap((one) => (isTimed(one) ? [`${file}: ${one}`] : [])));

  it("compare no readings of a clock, and subtract them only to print how long a fault took", () => {
    const compared =
      /(?:performance|Date)\.now\(\)\s*[<>]|(?:[<>]=?\s*|\.to\w+\()(?:performance|Date)\.now\(\)|\b(?:took|late|blocked|stalled|elapsed|duration)Ms\s*[<>]/;
    // a constant before now is a time in the past, and no measure
    const subtracted = /(?:performance|Date)\.now\(\)\s*-(?!\s*\d)|-\s*(?:performance|Date)\.now\(\)/;
    const waits = /^test\/kit\/(?:wait|gates|prober|program)\.ts$/;
    const others = timeless.filter((file) => !waits.test(file));
    expect(found((one) => compared.test(one), others)).toEqual([]);
    const measured = (one: string) => subtracted.test(one) && /expect\(|eventually\(/.test(one);
    expect(found(measured, others)).toEqual([]);
    const silent = others.filter((file) => !file.startsWith("test/faults/"));
    expect(found((one) => subtracted.test(one), silent)).toEqual([]);
  });

  it("wait for facts by the deadline of a fact: no waitFor or poll with a deadline of its own", () => {
    expect(found((one) => /\bvi\.waitFor|\bvi\.waitUntil|\bexpect\.poll\b/.test(one), timeless)).toEqual([]);
  });

  it("assert no duration, whether they measured it or the product: no bound of it, upper or lower", () => {
    const bound = /\.to(?:BeLess|BeGreater|BeCloseTo|BeWithin)|\s[<>]=?\s/;
    const time =
      /(?:\b|_)(?:ms|gaps?|spans?|peaks?|age|ages|took|elapsed|since|seconds|late)\b|(?:Ms|At|[tT]tl|TTL|Age|Since|Seconds)\b|[dD]uration|! - \w/;
    /** what is drawn, computed from virtual time or set */
    const drawn =
      /^test\/(?:machines\/(?:lease|leadership|lifecycle)|redis\/redis)\.test\.ts: .*\bdelay(?:s\b|\()|\bdefault\w*(?:Times|Settings)\b/;
    const isTimed = (one: string) => /\bexpect\(/.test(one) && bound.test(one) && time.test(one);
    expect(found(isTimed, timeless).filter((one) => !drawn.test(one))).toEqual([]);
  });
});

describe("the public door", () => {
  it.each([
    [
      "../src/index.ts",
      ["Registry", "StargazerError", "StargazerService", "blockingConnection", "errorCodes", "launch", "stateNames"],
    ],
    ["../src/leadership/index.ts", ["firstReply", "lead"]],
  ])("%s exports exactly what is listed here", async (file, names) => {
    expect(Object.keys(await import(file)).sort()).toEqual([...names].sort());
  });

  it("machines exports the charts", async () => {
    const machines = await import("../machines/index.ts");
    expect(Object.keys(machines)).toEqual(
      expect.arrayContaining(["lifecycleMachine", "leaseMachine", "leadershipMachine", "supervisorMachine"]),
    );
  });
});
