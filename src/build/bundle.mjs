/**
 * Makes few files of many, because a file costs a process some 0.4 ms at its start. Runs after tsc, which writes the modules anew.
 * What the package exports becomes one file with its own modules only: it is a library, whose packages have to be found where audits
 * and instrumentation look for them. The command line and the tiers become a handful of files with the packages that they import: they
 * are a program. The library comes in that form too, for those who ask for it (`--conditions=stargazer-bundled`). The program of the
 * probe thread goes as one text into the module that starts it.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { ascii, commandsAtOnce, modulesAtOnce, requiredPackages, withoutCluster } from "./packages.mjs";

const built = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "dist");
const dist = join(built, "src");
/** from `dist`: where the chunks of the program are */
const folder = "bundle";

/** One copy in a process, bundled or not: a class that is asked for with `instanceof`, and the handlers of the process. */
const shared = ["errors.js", "process.js"].map((file) => join(dist, file));

/** Fastify asks for the first ones by name, and only where it logs or has schemas; the last one is optional. */
const leftOut = /^(pino|@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler|@statelyai\/inspect)(\/|$)/;

/** A file beside a module is still found: its URL is that of the plain module, seen from the file that it became a part of. */
const plainUrls = {
  name: "plain-urls",
  transform: (code, id) =>
    id.startsWith(dist) && code.includes("import.meta.url")
      ? code.replaceAll("import.meta.url", JSON.stringify(`stargazer:${relative(built, id)}`))
      : null,
  renderChunk(code, { fileName }) {
    const seenFrom = (path) => JSON.stringify(relative(dirname(fileName), path));
    // webpack takes `new URL(path, import.meta.url)` for a file to copy
    const url = (path) => `new URL(${seenFrom(path)}, String(import.meta.url)).href`;
    return code.replaceAll(/["'`]stargazer:([\w./-]+)["'`]/g, (_, path) => url(path));
  },
};

/** The module that loads at the boot what a service needs from then on. */
const loader = join(dist, "service", "effects", "open-resources.js");

/** In a bundle these cost nothing to have at once, and a chunk of their own would be read while the service boots. */
const bootAtOnce = {
  name: "boot-at-once",
  transform(code, id) {
    if (id !== loader) return null;
    const loaded = { healthAtOnce: "../../health/server.js", journalAtOnce: "./boot-journal.js" };
    return Object.entries(loaded).reduce((text, [name, path]) => {
      const lazily = `import("${path}")`;
      if (!text.includes(lazily)) throw new Error(`${id} no longer has ${lazily}: name here how it is loaded`);
      return `import * as ${name} from "${path}";\n${text.replace(lazily, name)}`;
    }, code);
  },
};

/** A call whose result is unused is kept: it may be there for its error, as `new RegExp` and `decodeURIComponent` in a `try` are. */
const small = { compress: false, mangle: true, codegen: true };

/** A file beside a module is not there when users bundle their service, and each file that the thread reads delays its start. */
const inlineProbeThread = async () => {
  const thread = join(dist, "health", "thread");
  const module = join(thread, "probe-worker.js");
  const text = readFileSync(module, "utf8");
  const line = /^const program = .*;$/m;
  if (!line.test(text)) throw new Error(`${module} no longer has a line that is its program: name here where it stands`);
  const bundle = await rolldown({ input: join(thread, "probe-thread.cjs"), platform: "node" });
  const { output } = await bundle.generate({ format: "cjs", exports: "none", minify: small });
  await bundle.close();
  writeFileSync(
    module,
    text.replace(line, () => `const program = ${JSON.stringify(output[0].code)};`),
  );
};

const packageOf = (id) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(id)?.[0];

/** The licence texts that have to come with every copy of the bundled packages. */
const licences = (ids) =>
  [...new Set(ids.flatMap((id) => packageOf(id) ?? []))].sort().flatMap((path) => {
    const file = readdirSync(path).find((name) => /^licen[cs]e/i.test(name));
    const text =
      file === undefined
        ? JSON.parse(readFileSync(join(path, "package.json"), "utf8")).license
        : readFileSync(join(path, file), "utf8");
    return [`${path.split("node_modules/").at(-1)}\n\n${text.trim()}\n`];
  });

/** The door of the command line in dist, and the module behind it. */
const door = join(dist, "cli", "main.js");
const program = join(dist, "cli", "program.js");

/**
 * The door is a file of its own, with what it needs to decide: the bundled program, or the plain one where something is preloaded that
 * instruments modules. Nothing of either is loaded before.
 */
const openDoor = async () => {
  const loads = 'await import("./program.js");';
  const decides = {
    name: "plain-where-preloaded",
    transform(code, id) {
      if (id !== door) return null;
      if (!code.includes(loads)) throw new Error(`${id} no longer has ${loads}: name here how the program is loaded`);
      return code.replace(loads, `await import(preloaded === undefined ? "../../${folder}/program.js" : "./program.js");`);
    },
  };
  const bundle = await rolldown({ input: door, platform: "node", external: /\bprogram\.js$/, plugins: [decides] });
  await bundle.write({ file: door, format: "esm", codeSplitting: false, minify: false });
  await bundle.close();
};

/**
 * What a process needs on its way up is one file, whichever way it comes in: the ground that every command stands on, then `run`, then
 * the service, then Fastify, then the tiers without HTTP. The first one that reaches a module has it.
 */
const together = { ground: program, run: join(dist, "cli", "run.js"), service: join(dist, "index.js") };
const grouped = (chunkOf) => ({
  name: "grouped",
  buildEnd() {
    const take = (id, name) => {
      const found = this.getModuleInfo(id);
      if (chunkOf.has(id) || !found || id.startsWith("node:") || shared.includes(id) || leftOut.test(id)) return;
      chunkOf.set(id, name);
      for (const next of found.importedIds) take(next, name);
    };
    for (const [name, file] of Object.entries(together)) take(file, name);
    take(join(dist, "http", "app.js"), "http");
    for (const name of ["inference", "agents", "consolidation"]) take(join(dist, "tiers", name, `${name}.js`), "tiers");
    // has effects, so only those who ask for it may load it
    chunkOf.delete(program);
  },
});

/** The command line, and the doors that the condition `stargazer-bundled` opens, in one graph: one copy of everything. */
const doorsOfProgram = {
  [`${folder}/program`]: program,
  [`${folder}/index`]: join(dist, "index.js"),
  [`${folder}/early`]: join(dist, "early.js"),
  [`${folder}/leadership`]: join(dist, "leadership", "index.js"),
  [`${folder}/machines`]: join(built, "machines", "index.js"),
};

if (!existsSync(loader)) throw new Error(`there is no ${loader}: name here what loads the health server and the journal`);
if (!existsSync(program)) throw new Error("there is nothing to bundle: run tsc first");
await inlineProbeThread();
await openDoor();
rmSync(join(built, folder), { recursive: true, force: true });
const chunkOf = new Map();
const bundle = await rolldown({
  input: doorsOfProgram,
  platform: "node",
  preserveEntrySignatures: "allow-extension",
  external: (id) => shared.includes(id) || leftOut.test(id),
  plugins: [plainUrls, bootAtOnce, commandsAtOnce, withoutCluster, grouped(chunkOf), modulesAtOnce, ascii],
});
const { output } = await bundle.write({
  dir: built,
  format: "esm",
  chunkFileNames: `${folder}/[name].js`,
  codeSplitting: {
    groups: [{ debugName: "together", name: (id) => chunkOf.get(id) ?? null }],
    includeDependenciesRecursively: false,
  },
  // names stay what they are: people read what is thrown in here
  minify: { ...small, mangle: false },
});
await bundle.close();
const ids = output.flatMap(({ moduleIds = [] }) => moduleIds);
writeFileSync(join(built, folder, "licences.txt"), licences(ids).join(`\n${"-".repeat(72)}\n\n`));

/**
 * Users bundle the library: beside a bundle there is no package.json to read the version of, and webpack reads `createRequire` by itself
 * and leaves nothing to call. So the version is a text, and the modules of Node that a CommonJS module asks for are imported.
 */
const versionAsText = {
  name: "version-as-text",
  transform(code, id) {
    if (id !== join(dist, "version.js")) return null;
    const read = 'createRequire(import.meta.url)("stargazer/package.json").version';
    if (!code.includes(read)) throw new Error(`${id} no longer has ${read}: name here how the version is read`);
    const { version } = JSON.parse(readFileSync(join(dirname(built), "package.json"), "utf8"));
    return code.replace(read, JSON.stringify(version)).replace(/^import \{ createRequire \} .*$/m, "");
  },
};
const importsOfNode = {
  name: "imports-of-node",
  renderChunk(code) {
    const names = [...new Set([...code.matchAll(/__require\("(node:[^"]+)"\)/g)].map(([, name]) => name))];
    const imports = names.map((name, at) => `import required${at} from "${name}";\n`);
    const required = (_, name) => `required${names.indexOf(name)}`;
    return `${imports.join("")}${code}`
      .replace(/^(var __require = ).*createRequire.*$/m, "$1undefined;")
      .replaceAll(/__require\("(node:[^"]+)"\)/g, required);
  },
};

/** The modules that a program or the bundled command line imports by name: they share their chunks, so each module is there once. */
const doors = [
  "machines/index",
  "src/index",
  "src/leadership/index",
  "src/testing/index",
  "src/early",
  "src/with-compile-cache",
  "src/errors",
  "src/process",
];
/** Tiny, and needed together: what stands behind every door, and what goes with a connection. */
const tiny = {
  ground: ["src/environment.js", "src/clean.js", "src/private-folder.js", "machines/thrown.js"],
  waits: ["src/clock.js", "src/until.js", "src/redis/reason.js", "src/redis/script.js", "src/redis/keys.js"],
};
const tinyOf = new Map(Object.entries(tiny).flatMap(([name, files]) => files.map((file) => [join(built, file), name])));
rmSync(join(dist, "bundled"), { recursive: true, force: true });
const library = await rolldown({
  input: Object.fromEntries(doors.map((name) => [name, join(built, `${name}.js`)])),
  platform: "node",
  external: (id) => !/^[./]/.test(id) && !requiredPackages.names.includes(id),
  preserveEntrySignatures: "allow-extension",
  plugins: [versionAsText, plainUrls, bootAtOnce, importsOfNode, requiredPackages, ascii],
});
await library.write({
  dir: built,
  format: "esm",
  chunkFileNames: "src/bundled/[name].js",
  codeSplitting: {
    groups: [{ debugName: "tiny", name: (id) => tinyOf.get(id) ?? null }],
    includeDependenciesRecursively: false,
  },
  minify: false,
});
await library.close();
