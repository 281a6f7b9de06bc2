/**
 * Makes few files of many, because a file costs a process some 0.4 ms at its start. Runs after tsc, which writes the modules anew.
 * A tier becomes one file with the packages that it imports: it is a program. What the package exports becomes one file with its
 * own modules only: it is a library, whose packages have to be found where audits and instrumentation look for them. The program
 * of the probe thread goes as one text into the module that starts it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const built = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "dist");
const dist = join(built, "src");
const folder = join(dist, "tiers");
const tiers = ["gateway", "inference", "agents", "consolidation", "web"];
const moduleOf = (name) => join(folder, name, `${name}.js`);

/** One copy in a process, bundled or not: a class that is asked for with `instanceof`, and the handlers of the process. */
const shared = ["errors.js", "process.js"].map((file) => join(dist, file));

/** Fastify asks for these by name, and only where it logs or has schemas. */
const leftOut = /^(pino|@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler)(\/|$)/;

/** A file beside a module is still found: its URL is that of the plain module, seen from the folder of the bundled one. */
const plainUrls = (from) => ({
  name: "plain-urls",
  transform(code, id) {
    if (!id.startsWith(dist) || !code.includes("import.meta.url")) return null;
    return code.replaceAll("import.meta.url", `new URL(${JSON.stringify(relative(from, id))}, import.meta.url).href`);
  },
});

/** The module that loads the health server. */
const loader = join(dist, "service", "effects", "open-resources.js");

/** In a bundle the health server costs nothing to have at once, and a chunk of its own would be read while the service boots. */
const healthAtOnce = {
  name: "health-at-once",
  transform(code, id) {
    if (id !== loader) return null;
    const lazily = 'import("../../health/server.js")';
    if (!code.includes(lazily)) throw new Error(`${id} no longer has ${lazily}: name here how the health server is loaded`);
    return `import * as health from "../../health/server.js";\n${code.replace(lazily, "health")}`;
  },
};

/** A file beside a module is not there when users bundle their service, and each file that the thread reads delays its start. */
const inlineProbeThread = async () => {
  const thread = join(dist, "health", "thread");
  const module = join(thread, "probe-worker.js");
  const text = readFileSync(module, "utf8");
  const line = /^const program = .*;$/m;
  if (!line.test(text)) throw new Error(`${module} no longer has a line that is its program: name here where it stands`);
  const bundle = await rolldown({ input: join(thread, "probe-thread.cjs"), platform: "node" });
  const { output } = await bundle.generate({ format: "cjs", exports: "none", minify: true });
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

if (!existsSync(loader)) throw new Error(`there is no ${loader}: name here what loads the health server`);
if (tiers.some((name) => !existsSync(moduleOf(name)))) throw new Error("there is nothing to bundle: run tsc first");
await inlineProbeThread();
const bundle = await rolldown({
  input: Object.fromEntries(tiers.map((name) => [`${name}/${name}`, moduleOf(name)])),
  platform: "node",
  external: (id) => shared.includes(id) || leftOut.test(id),
  plugins: [plainUrls(join(folder, "bundled")), healthAtOnce],
});
const { output } = await bundle.write({ dir: folder, format: "esm", chunkFileNames: "bundled/[name].js", minify: true });
await bundle.close();
const ids = output.flatMap(({ moduleIds = [] }) => moduleIds);
writeFileSync(join(folder, "bundled", "licences.txt"), licences(ids).join(`\n${"-".repeat(72)}\n\n`));

/** Users bundle the library as CommonJS too, where some bundlers leave `import.meta.url` undefined. */
const requireFromAnywhere = {
  name: "require-from-anywhere",
  renderChunk: (code) => code.replaceAll("createRequire(import.meta.url)", "createRequire(import.meta.url ?? __filename)"),
};

/** The modules that a program or a bundled tier imports by name: they share their chunks, so each module is there once. */
const doors = ["machines/index", "src/index", "src/leadership/index", "src/testing/index", "src/errors", "src/process"];
const library = await rolldown({
  input: Object.fromEntries(doors.map((name) => [name, join(built, `${name}.js`)])),
  platform: "node",
  external: (id) => !/^[./]/.test(id),
  plugins: [plainUrls(join(dist, "bundled")), healthAtOnce, requireFromAnywhere],
});
await library.write({ dir: built, format: "esm", chunkFileNames: "src/bundled/[name].js" });
await library.close();
