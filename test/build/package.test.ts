/** The package as users load it: what `npm pack` makes, in a folder of its own, imported, required and in bundles. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild } from "esbuild";
import type { Plugin } from "rolldown";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { deadlines } from "../kit/deadlines.ts";
import { ask } from "../kit/http-client.ts";
import type { Packed } from "../kit/packed.ts";
import { installPackage } from "../kit/packed.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let packed: Packed;
let app = "";
beforeAll(() => {
  packed = installPackage();
  app = packed.folder;
}, deadlines.test);
afterAll(() => packed.remove());
afterEach(endPrograms);

const write = (name: string, text: string): string => packed.write(name, text);

/** Its `run` blocks the event loop until the file of the first argument exists. */
const service = `
class Blocked extends StargazerService {
  onStart() {}
  run() {
    writeSync(1, '{"type":"blocked"}\\n');
    const cell = new Int32Array(new SharedArrayBuffer(4));
    while (!existsSync(process.argv[2])) Atomics.wait(cell, 0, 0, 20);
  }
  onStop() {}
}
const { HEALTH: healthPort } = process.env;
launch(new Blocked({ serviceName: "blocked", redis: null, useHealthServer: true, healthPort: Number(healthPort), jitterMaxMs: 0 }));
`;
const imported = `import { existsSync, writeSync } from "node:fs";\nimport { launch, StargazerService } from "stargazer";\n${service}`;
const required = `const { existsSync, writeSync } = require("node:fs");\nconst { launch, StargazerService } = require("stargazer");\n${service}`;

/** Starts the program, asks for its probe while its event loop is blocked, which only the thread answers, and lets it complete. */
const live = async (file: string): Promise<{ probe: number; code: number | null; errors: string }> => {
  const { port, release } = await reservePort();
  const free = `${file}.free`;
  const program = new Program(file, { args: [free], env: { HEALTH: String(port) } });
  await program.line("the block", ({ type }) => type === "blocked");
  const { status: probe } = await eventually("an answer beside the block", () => ask(port, "/healthz"));
  writeFileSync(free, "");
  const { code } = await program.ended;
  release();
  return { probe, code, errors: program.errors };
};

type Format = "esm" | "cjs";
interface Bundling {
  readonly input: string;
  readonly folder: string;
  readonly format: Format;
}

/** As esbuild makes it, a CommonJS bundle has no `import.meta.url`. */
const byRolldown = async ({ input, folder, format }: Bundling, plugins: Plugin[] = []): Promise<void> => {
  const define: Record<string, string> = format === "cjs" ? { "import.meta.url": "undefined" } : {};
  const bundled = await rolldown({ input, platform: "node", logLevel: "silent", transform: { define }, plugins });
  const extension = format === "esm" ? "mjs" : "cjs";
  await bundled.write({ dir: folder, format, entryFileNames: `[name].${extension}`, chunkFileNames: `[name].${extension}` });
  await bundled.close();
};

/** An ES module that esbuild makes of packages in CommonJS has no `require`: its documentation gives it one in this way. */
const requires = 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);';
const byEsbuild = async ({ input, folder, format }: Bundling): Promise<void> => {
  const extension = format === "esm" ? ".mjs" : ".cjs";
  await esbuild({
    ...{ entryPoints: [input], outdir: folder, outExtension: { ".js": extension }, format },
    ...{ bundle: true, platform: "node", logLevel: "silent", banner: { js: format === "esm" ? requires : "" } },
  });
};

/** webpack takes `createRequire` for itself: of a call that it cannot follow nothing is left to call. */
const takesCreateRequire: Plugin = {
  name: "takes-create-require",
  transform: (code, id) =>
    /[\\/]stargazer[\\/]dist[\\/]/.test(id)
      ? code.replace(/^import \{ createRequire \} from "node:module";$/m, "const createRequire = undefined;")
      : null,
};
const asWebpack = (bundling: Bundling): Promise<void> => byRolldown(bundling, [takesCreateRequire]);
const bundlers = { rolldown: byRolldown, esbuild: byEsbuild, "a bundler that takes createRequire": asWebpack } as const;

const bundle = async (bundler: keyof typeof bundlers, format: Format): Promise<string> => {
  const input = write("service.mjs", imported);
  const folder = join(mkdtempSync(join(tmpdir(), "sg-bundle-")), format);
  await bundlers[bundler]({ input, folder, format });
  return join(folder, `service.${format === "esm" ? "mjs" : "cjs"}`);
};

const works = { probe: 200, code: 0, errors: "" };
const requiresModules = process.features && "require_module" in process.features;

describe("F49: a service in the folder of a user", () => {
  test("imports the package, and its probes are answered beside a blocked loop", async () => {
    expect(await live(write("imported.mjs", imported))).toEqual(works);
  });

  test.runIf(requiresModules)("requires the package where Node can require a module", async () => {
    expect(await live(write("required.cjs", required))).toMatchObject({ probe: 200, code: 0 });
  });

  test("has its packages required, so that Node reads none of their texts for exports", () => {
    const resolve = 'export const resolve = (name, context, next) => (writeSync(1, name + "\\n"), next(name, context));';
    const hook = `data:text/javascript,${encodeURIComponent(`import { writeSync } from "node:fs"; ${resolve}`)}`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(hook)}); await import("stargazer");`;
    const names = String(execFileSync(process.execPath, [write("names.mjs", register)])).split("\n");
    expect(names).toEqual(expect.arrayContaining(["stargazer", "#packages/ioredis", "#packages/xstate"]));
    expect(names.filter((name) => /^(ioredis|xstate)$/.test(name))).toEqual([]);
  });

  test("is bundled with the packages themselves, which may be left out", async () => {
    const bundled = await rolldown({
      input: write("names.mjs", imported),
      platform: "node",
      logLevel: "silent",
      external: ["ioredis", "xstate"],
    });
    const { output } = await bundled.generate({ format: "esm" });
    await bundled.close();
    expect(output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.imports : []))).toEqual(
      expect.arrayContaining(["ioredis", "xstate"]),
    );
  });

  test("is found in the layout of pnpm, where the package sees its own dependencies and the program only the package", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sg-pnpm-"));
    const store = join(folder, "node_modules", ".pnpm", "stargazer@3", "node_modules");
    cpSync(join(app, "node_modules"), store, { recursive: true, verbatimSymlinks: true });
    symlinkSync(join(store, "stargazer"), join(folder, "node_modules", "stargazer"));
    const file = join(folder, "imported.mjs");
    writeFileSync(file, imported);
    expect(await live(file)).toEqual(works);
    rmSync(folder, { recursive: true });
  });

  for (const [bundler, format] of [
    ["rolldown", "esm"],
    ["rolldown", "cjs"],
    ["esbuild", "esm"],
    ["esbuild", "cjs"],
    ["a bundler that takes createRequire", "esm"],
    ["a bundler that takes createRequire", "cjs"],
  ] as const)
    test(`is bundled as ${format} by ${bundler}, needs no other file, and its probes are answered beside a blocked loop`, async () => {
      const file = await bundle(bundler, format);
      expect(await live(file)).toEqual(works);
      rmSync(dirname(dirname(file)), { recursive: true });
    });

  test("has the packages in the bundled doors, and no other copy of what both doors share", () => {
    const alone = mkdtempSync(join(tmpdir(), "sg-alone-"));
    cpSync(join(app, "node_modules", "stargazer"), join(alone, "node_modules", "stargazer"), { recursive: true });
    const lines = [
      'import "stargazer/early";',
      'import { launch, StargazerService, StargazerError } from "stargazer";',
      'import { lead } from "stargazer/leadership";',
      'import { lifecycleMachine } from "stargazer/machines";',
      "class Done extends StargazerService { onStart() {} run() {} onStop() {} }",
      'const report = await launch(new Done({ serviceName: "done", redis: null, healthPort: 0, jitterMaxMs: 0 }));',
      "let refused;",
      "try { new Done({ serviceName: 7 }); } catch (error) { refused = error instanceof StargazerError; }",
      "console.log(JSON.stringify({ type: 'seen', outcome: report.outcome, refused, id: lifecycleMachine.id, lead: typeof lead }));",
    ];
    writeFileSync(join(alone, "service.mjs"), lines.join("\n"));
    const options = ["--conditions=stargazer-bundled", join(alone, "service.mjs")];
    const { stdout, stderr, status } = spawnSync(process.execPath, options, { cwd: alone, encoding: "utf8" });
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(JSON.parse(stdout.trim().split("\n").at(-1)!)).toEqual({
      ...{ type: "seen", outcome: "completed", refused: true, id: "lifecycle", lead: "function" },
    });
    rmSync(alone, { recursive: true, force: true });
  });

  test("F62: has a password that is not percent-encoded refused, in a minified bundle too", async () => {
    const text =
      'import { StargazerService } from "stargazer";\nclass Tier extends StargazerService { onStart() {} run() {} onStop() {} }\n';
    const make =
      'try { new Tier({ serviceName: "tier", redis: "redis://:p%ss@127.0.0.1" }); } catch (error) { console.log(error.message); }\n';
    const input = write("url.mjs", text + make);
    const folder = join(app, "minified");
    const file = join(folder, "url.mjs");
    const bundled = await rolldown({ input, platform: "node", logLevel: "silent" });
    await bundled.write({ dir: folder, entryFileNames: "[name].mjs", format: "esm", minify: true });
    await bundled.close();
    for (const program of [input, file])
      expect(String(execFileSync(process.execPath, [program]))).toMatch(
        /redis has a user or password that is not percent-encoded/,
      );
  });

  test("finds the command, and with it the version of the package", () => {
    const main = join(app, "node_modules", "stargazer", "dist", "src", "cli", "main.js");
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(String(execFileSync(process.execPath, [main, "--version"])).trim()).toBe(version);
  });
});
