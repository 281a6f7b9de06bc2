import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const setup = fileURLToPath(new URL("../../src/build/setup.mjs", import.meta.url));

/** Stands for npm: notes what it was asked for, and installs the compiler below. `npm ci` fails where `ci` is not `works`. */
const npm = `import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const args = process.argv.slice(2);
appendFileSync("npm.log", args[0] + "\\n");
const output = process.env.WAITS_FOR_PROGRESS;
for (let looks = 0; output && looks < 2000 && !readFileSync(output, "utf8").includes("so far"); looks += 1)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
if (args.includes("--prefix") || (args[0] === "ci" && process.env.CI_FAILS)) { console.error("npm refuses"); process.exit(1); }
mkdirSync("node_modules/typescript/bin", { recursive: true });
writeFileSync("node_modules/.package-lock.json", "{}");
writeFileSync("node_modules/typescript/bin/tsc", process.env.TSC);
`;
/** Stands for the compiler: one file for each source. */
const tsc = `const fs = require("node:fs");
fs.appendFileSync("tsc.log", "built\\n");
for (const name of fs.readdirSync("src").filter((name) => name.endsWith(".ts"))) {
  fs.mkdirSync("dist/src/cli", { recursive: true });
  fs.writeFileSync("dist/src/" + name.replace(".ts", ".js"), "");
}
fs.writeFileSync("dist/src/cli/main.js", "");
`;

describe("the set-up of a clone", () => {
  let root: string;
  const at = (...parts: string[]) => join(root, ...parts);
  const put = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text, { mode });
  };
  const logged = (name: string) => (existsSync(at(name)) ? readFileSync(at(name), "utf8").trim().split("\n") : []);
  const run = (env: Record<string, string> = {}) => {
    const own = { PATH: at("bin"), TSC: tsc, npm_execpath: at("npm.js"), ...env };
    const { status, stdout, stderr } = spawnSync(process.execPath, [at("src/build/setup.mjs")], {
      cwd: tmpdir(),
      env: own,
      encoding: "utf8",
    });
    return { status, stdout, stderr };
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "sg-setup-"));
    put("package.json", '{"type":"module"}');
    put("package-lock.json", "{}");
    put("tsconfig.json", "{}");
    put("src/build/bundle.mjs", "");
    put("src/build/packages.mjs", "");
    put("machines/one.ts", "");
    put("src/index.ts", "");
    put("src/old.ts", "");
    put("npm.js", npm);
    put("bin/redis-server", "", 0o755);
    copyFileSync(setup, at("src/build/setup.mjs"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("says how long a step has lasted while it lasts", () => {
    const output = at("output.txt");
    const file = openSync(output, "w");
    spawnSync(process.execPath, [at("src/build/setup.mjs")], {
      env: { PATH: at("bin"), TSC: tsc, npm_execpath: at("npm.js"), SG_SETUP_PROGRESS_MS: "20", WAITS_FOR_PROGRESS: output },
      stdio: ["ignore", file, file],
    });
    closeSync(file);
    expect(readFileSync(output, "utf8")).toMatch(/^setup: installing dependencies \(npm ci\): \d+ s so far$/m);
  });

  it("installs, builds and links once, and is quiet when there is nothing to do", () => {
    const first = run();
    expect(first).toMatchObject({
      status: 0,
      stderr: "",
      stdout: "setup: installing dependencies (npm ci)\nsetup: building (tsc)\n",
    });
    expect(existsSync(at("node_modules/.bin/stargazer"))).toBe(true);
    expect(run()).toEqual({ status: 0, stdout: "", stderr: "" });
    expect([logged("npm.log"), logged("tsc.log")]).toEqual([["ci"], ["built"]]);
  });

  it("installs again when the content of the lockfile differs, and not when only its time does", () => {
    run();
    const later = new Date(Date.now() + 60_000);
    utimesSync(at("package-lock.json"), later, later);
    expect(run().stdout).toBe("");
    put("package-lock.json", '{"changed":true}');
    utimesSync(at("package-lock.json"), later, later);
    expect(run().stdout).toContain("npm ci");
  });

  it("goes on with npm install where npm ci fails, and prints that there is no lockfile", () => {
    expect(run({ CI_FAILS: "1" }).status).toBe(0);
    expect(logged("npm.log")).toEqual(["ci", "install"]);
    rmSync(at("node_modules"), { recursive: true });
    rmSync(at("package-lock.json"));
    expect(run().stdout).toMatch(/^setup: there is no package-lock.json/);
    expect(logged("npm.log").at(-1)).toBe("install");
  });

  it("builds again when a source changes, and leaves nothing of one that has gone", () => {
    run();
    put("src/new.ts", "");
    expect(run().stdout).toBe("setup: building (tsc)\n");
    expect(existsSync(at("dist/src/old.js"))).toBe(true);
    rmSync(at("src/old.ts"));
    run();
    expect([existsSync(at("dist/src/old.js")), existsSync(at("dist/src/new.js"))]).toEqual([false, true]);
  });

  it("shows why a build failed, exits 1, and builds again the next time", () => {
    const broken = run({ TSC: "console.log('src/index.ts(1,1): error'); process.exit(2);" });
    expect(broken.status).toBe(1);
    expect(broken.stderr).toBe("setup: the build failed:\nsrc/index.ts(1,1): error\n");
    put("node_modules/typescript/bin/tsc", tsc);
    expect(run()).toMatchObject({ status: 0, stdout: "setup: building (tsc)\n" });
  });

  it("prints what to install where no Redis server can be had", () => {
    rmSync(at("bin"), { recursive: true });
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^setup: no redis-server or valkey-server was found: install one .*\n$/);
  });
});
