/** The package as users load it: what `npm pack` makes, in a folder of its own, imported, required and in bundles. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { deadlines } from "../kit/deadlines.ts";
import { ask } from "../kit/http-client.ts";
import { reservePort } from "../kit/port-reservation.ts";
import { endPrograms, Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
let app = "";

/** Unpacks the tarball as npm does. Of other packages only those that ours declares are there. */
beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), "sg-package-"));
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", app], { cwd: root });
  const [{ filename }] = JSON.parse(String(packed)) as [{ filename: string }];
  const own = join(app, "node_modules", "stargazer");
  mkdirSync(own, { recursive: true });
  execFileSync("tar", ["-xzf", join(app, filename), "--strip-components=1", "-C", own]);
  const { dependencies } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as { dependencies: object };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(app, "node_modules", name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(app, "node_modules", name));
  }
}, deadlines.test);
afterAll(() => rmSync(app, { recursive: true, force: true }));
afterEach(endPrograms);

const write = (name: string, text: string): string => {
  writeFileSync(join(app, name), text);
  return join(app, name);
};

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

/** As esbuild makes it, a CommonJS bundle has no `import.meta.url`. */
const bundle = async (format: "esm" | "cjs"): Promise<string> => {
  const input = write("service.mjs", imported);
  const define: Record<string, string> = format === "cjs" ? { "import.meta.url": "undefined" } : {};
  const bundled = await rolldown({ input, platform: "node", logLevel: "silent", transform: { define } });
  const folder = join(mkdtempSync(join(tmpdir(), "sg-bundle-")), format);
  const extension = format === "esm" ? "mjs" : "cjs";
  await bundled.write({ dir: folder, format, entryFileNames: `[name].${extension}`, chunkFileNames: `[name].${extension}` });
  await bundled.close();
  return join(folder, `service.${extension}`);
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

  for (const format of ["esm", "cjs"] as const)
    test(`is bundled as ${format}, needs no other file, and its probes are answered beside a blocked loop`, async () => {
      const file = await bundle(format);
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
