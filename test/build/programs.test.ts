/** Programs of users, each small, run against the packed package in a folder of its own: what is promised of an installation. */
import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { findRedisServer } from "../../src/redis/embedded/binary.ts";
import { deadlines } from "../kit/deadlines.ts";
import { ask } from "../kit/http-client.ts";
import type { Packed } from "../kit/packed.ts";
import { installPackage, nodes } from "../kit/packed.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let app: Packed;
beforeAll(() => {
  app = installPackage();
  app.add("pino");
}, deadlines.test);
afterAll(() => app.remove());
afterEach(endPrograms);

/** Without what npm and the suite set: a program that a shell starts. */
const env = { npm_package_version: "", NODE_OPTIONS: "", PATH: `${dirname(findRedisServer()!)}:${process.env.PATH}` };
const start = (name: string, args: readonly string[] = [], more: Readonly<Record<string, string>> = {}) =>
  new Program(join(app.folder, name), { args, env: { ...env, ...more } });
const ended = async (program: Program) => ({ code: (await program.ended).code, errors: program.errors });
const portOf = async (program: Program): Promise<number> =>
  (await program.line("the health port", ({ type }) => type === "health.listening")).port as number;
const stargazer = (...args: readonly string[]) => {
  const main = join(app.folder, "node_modules", "stargazer", "dist", "src", "cli", "main.js");
  return promisify(execFile)(process.execPath, [main, ...args], { cwd: app.folder, env: { ...process.env, ...env } });
};

describe.each(nodes().map((path) => ({ path })))("with $path", ({ path }) => {
  it.each(["imported.js", "required.cjs"])("%s runs a service and ends", (name) => {
    const { stdout, status } = spawnSync(path, [join(app.folder, name)], { encoding: "utf8" });
    expect([status, stdout.trim()]).toEqual([0, '{"type":"ended","outcome":"completed"}']);
  });
});

it("a check of its own holds /readyz until it passes, and metrics of its own are on /metrics", async () => {
  const file = join(app.folder, "database");
  const program = start("checked.js", [file]);
  const port = await portOf(program);
  const unready = await ask(port, "/readyz");
  expect([unready.status, unready.body]).toEqual([503, expect.stringContaining("database")]);
  writeFileSync(file, "");
  await eventually("it is ready", async () => (await ask(port, "/readyz")).status === 200);
  const { body } = await ask(port, "/metrics");
  expect(body).toMatch(/^orders_total 3$/m);
  expect(body).toMatch(/^sg_check_passing\{[^}]*check="database"[^}]*\} 1$/m);
  expect(body).toMatch(/^sg_service_info\{[^}]*version="4\.5\.6"[^}]*\} 1$/m);
});

it("onDrain is called while the port answers: 503 from /readyz, 200 from /healthz", async () => {
  const program = start("drained.js");
  await program.state("running");
  program.signal("SIGTERM");
  const called = await program.line("onDrain", ({ type }) => type === "onDrain");
  expect(called).toEqual({ type: "onDrain", readyz: 503, healthz: 200, path: "stopping.announcing" });
  const types = program.lines.map(({ type }) => type);
  expect(types.indexOf("stopping")).toBeLessThan(types.indexOf("onDrain"));
  expect(types).not.toContain("onStop");
});

it("a consumer's connection, the registry, a leader and the test kit's Redis work together", async () => {
  const program = start("parts.js");
  expect(await ended(program)).toEqual({ code: 0, errors: "" });
  expect(program.lines).toContainEqual({ type: "seen", job: "first", version: "4.5.6", led: "first" });
});

it("a service in a worker thread is stopped by a message of the main thread", async () => {
  const program = start("threaded.js");
  await program.line("it runs", ({ type }) => type === "running");
  program.signal("SIGTERM");
  expect(await ended(program)).toEqual({ code: 0, errors: "" });
  expect(program.lines.at(-1)).toEqual({ type: "ended", outcome: "shutdown", reason: "asked by the main thread" });
});

it("with --frozen-intrinsics a service without Redis runs, and one with Redis until an error reply, for the reason in the README", async () => {
  const frozen = { NODE_OPTIONS: "--frozen-intrinsics --no-warnings" };
  expect(await ended(start("imported.js", [], frozen))).toEqual({ code: 0, errors: "" });
  const { stdout } = await promisify(execFile)(process.execPath, ["--no-warnings", join(app.folder, "frozen.js")], { env }).catch(
    (error) => error,
  );
  expect(String(stdout)).toMatch(/SG_ERR_RUN_FAILED.*Cannot assign to read only property 'stackTraceLimit'/);
});

describe("the log of a service that fails", () => {
  const failureOf = async (how: string) => {
    const program = start("logged.js", [how]);
    expect((await program.ended).code).toBe(1);
    const { lines } = program;
    expect(lines.filter(({ msg }) => typeof msg !== "string" || msg === "")).toEqual([]);
    return lines.find(({ type }) => type === "failed") as unknown as { err: { message: string; stack: string; cause: object } };
  };
  const stack = expect.stringContaining("logged.js");
  const cause = { message: "connect ECONNREFUSED", stack };

  it("has the stack of the error and of its cause", async () => {
    expect(await failureOf("default")).toMatchObject({ err: { message: "the database is away", stack, cause } });
  });
  it("has the stack of an error that nothing caught", async () => {
    expect(await failureOf("uncaught")).toMatchObject({
      err: { code: "SG_ERR_UNCAUGHT", cause: { message: "the database is away", stack, cause } },
    });
  });
  it("has the error and its causes under err with pino", async () => {
    const { err } = await failureOf("pino");
    expect(err.message).toBe("the database is away: connect ECONNREFUSED");
    expect(err.stack).toMatch(/logged\.js[\s\S]*caused by: Error: connect ECONNREFUSED/);
  });
  it("has the lines that SG_LOG_LEVEL asks for", async () => {
    const quiet = start("logged.js", [], { SG_LOG_LEVEL: "silent" });
    const failing = start("logged.js", [], { SG_LOG_LEVEL: "error" });
    await Promise.all([quiet.ended, failing.ended]);
    expect(quiet.texts).toEqual([]);
    expect([...new Set(failing.lines.map(({ level }) => level))]).toEqual(["error"]);
  });
});

it("the command line writes files for its deployment, finds no fault in them, and shows where its options come from", async () => {
  const { stdout } = await stargazer("manifests", "k8s", "--for", "./orders.js");
  expect(stdout).toContain("terminationGracePeriodSeconds");
  app.write("k8s.yaml", stdout);
  const { stderr } = await stargazer("manifests", "check", "k8s.yaml", "--for", "./orders.js");
  expect(stderr).toContain("nothing contradicts");
  const config = JSON.parse((await stargazer("config", "--for", "./orders.js", "--json")).stdout);
  const options = new Map(config.services[0].options.map((option: { option: string }) => [option.option, option]));
  expect(options.get("stopTimeoutMs")).toMatchObject({ value: 5000, source: "option" });
  expect(options.get("logLevel")).toMatchObject({ value: "info", source: "default", variable: "SG_LOG_LEVEL" });
});

describe("the command that manifests writes", () => {
  const written = async (target: string): Promise<string[]> => {
    const { stdout } = await stargazer("manifests", "docker", "--for", target);
    const [node, ...command] = JSON.parse(/^CMD (.*)$/m.exec(stdout)![1]!) as string[];
    expect(node).toBe("node");
    return command;
  };
  /** As a container does, in the folder of the package. */
  const startHere = ([file, ...args]: readonly string[]) =>
    new Program(join(app.folder, file!), {
      args,
      env: { ...env, REDIS_URL: "redis://127.0.0.1:1" },
      wrap: (command) => ["sh", "-c", 'cd "$0" && exec "$@"', app.folder, ...command],
    });
  const own = `serviceName: "klass", redis: null, useHealthServer: false, jitterMaxMs: 0`;
  const service = `import { StargazerService, launch } from "stargazer";
class Klass extends StargazerService {
  constructor() { super({ ${own} }); }
  onStart() {}
  run({ signal }) { return new Promise((resolve) => signal.addEventListener("abort", resolve)); }
  onStop() {}
}
`;
  beforeAll(() => {
    app.write(join("built", "exported.js"), `${service}export default Klass;`);
    app.write(join("built", "launched.js"), `${service}launch(new Klass());`);
  });

  it.each(["exported", "launched"])("starts a module in a folder whose service is %s", async (how) => {
    await startHere(await written(`./built/${how}.js`)).state("running");
  });
  it("starts a tier", async () => {
    await startHere(await written("gateway")).state("pinging");
  });
});

it("up starts two replicas of it beside a Redis of its own, and stops them", async () => {
  const main = join(app.folder, "node_modules", "stargazer", "dist", "src", "cli", "main.js");
  const args = ["up", join(app.folder, "orders.js"), "--replicas", "orders=2", "--json"];
  const program = new Program(main, { args, env: { ...env, XDG_RUNTIME_DIR: app.folder } });
  await program.line("the fleet is ready", ({ type }) => type === "fleet.ready");
  program.signal("SIGTERM");
  expect((await program.ended).code).toBe(0);
  const stopped = program.lines.find(({ type }) => type === "fleet.stopped") as unknown as { services: { name: string }[] };
  expect(stopped.services.map(({ name }) => name).sort()).toEqual(["orders-1", "orders-2"]);
});

describe("a program in TypeScript with strict settings", () => {
  const compilers = { "5.0": "typescript-5", "7": "typescript" } as const;
  /** All that is strict, and no declaration file left out. */
  const strict = {
    ...{
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
    },
    ...{ noImplicitOverride: true, verbatimModuleSyntax: true, isolatedModules: true, skipLibCheck: false, noEmit: true },
    ...{ target: "es2022", lib: ["es2023"], types: ["node"] },
  };
  const modules = {
    nodenext: { module: "nodenext", moduleResolution: "nodenext" },
    bundler: { module: "esnext", moduleResolution: "bundler" },
  } as const;

  // the oldest version that is promised, and the newest
  it.each([
    ["5.0", "ioredis-5", "nodenext"],
    ["7", "ioredis-5", "nodenext"],
    ["7", "ioredis-5", "bundler"],
    ["7", "ioredis", "nodenext"],
    ["7", "ioredis", "bundler"],
  ] as const)(
    "has no error with TypeScript %s, its own %s and %s",
    { timeout: deadlines.test },
    async (version, ioredis, module) => {
      app.add("@types/node");
      const folder = `${version}-${ioredis}-${module}`;
      app.add(`../${folder}/node_modules/ioredis`, ioredis);
      app.write(`${folder}/orders.ts`, readFileSync(join(app.folder, "orders.ts"), "utf8"));
      app.write(`${folder}/package.json`, '{ "type": "module" }');
      app.write(
        `${folder}/tsconfig.json`,
        JSON.stringify({ compilerOptions: { ...strict, ...modules[module] }, files: ["orders.ts"] }),
      );
      const tsc = join(root, "node_modules", compilers[version], "lib", "tsc.js");
      const args = [tsc, "-p", join(app.folder, folder), "--pretty", "false"];
      const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: app.folder }).catch((error) => error);
      const errors = String(stdout)
        .split("\n")
        .filter((line) => /^\S.*error TS/.test(line));
      // with exactOptionalPropertyTypes the declarations of xstate contradict themselves
      expect(errors.filter((line) => !/node_modules\/xstate\/dist\//.test(line))).toEqual([]);
    },
  );
});
