/** What the bundles change in the packages that they have or import, and in their own text. Plugins of rolldown. */

/**
 * ioredis gives a prototype some 600 methods one by one, and V8 copies the list of all that it has for each of them. An object that has
 * lost a property which was not its last is a dictionary, to which adding costs nothing; V8 makes a fast prototype of it again when it is
 * first used as one. To be proposed to ioredis, where defining them in one go does the same. On Node 20 `require("ioredis")` takes 0.81 of the
 * processor time by it, 3 scavenges instead of 7, and 8 MB less. From outside there is no way in: the methods are added while the module
 * is evaluated. So the bundles of the command line and of the opt-in door have it, and the plain library has ioredis as it is.
 */
const file = /ioredis.built.utils.Commander\.js$/;
const adding = "commands.forEach(function (commandName) {";
const toDictionary = `Commander.prototype.a = Commander.prototype.b = 0;
delete Commander.prototype.a;
delete Commander.prototype.b;
`;

/** A version of ioredis that no longer has the text is an error of the build. */
export const commandsAtOnce = {
  name: "commands-at-once",
  transform(code, id) {
    if (!file.test(id)) return null;
    if (code.split(adding).length !== 2) throw new Error(`${id} no longer has, once, the text ${adding}`);
    return code.replace(adding, () => `${toDictionary}${adding}`);
  },
};

/**
 * Before an ES module imports a CommonJS one, Node reads that module's text for its exports, in JavaScript. The texts of ioredis and xstate
 * are long enough for V8 to compile that reader with its optimizing compiler: a fifth of the processor time of a start, and 6 MB. What a
 * CommonJS module requires is not read so. Node therefore finds small ones that require these packages, and bundlers, which know the
 * condition `module`, ES modules that import them (`imports` in package.json). Agents find a package that is required, too.
 */
const names = ["ioredis", "xstate"];
const imported = new RegExp(`^import \\{(.*)\\} from "#packages/(${names.join("|")})";$`, "gm");

/** What the chunks import of each package, without repetition. */
const bindingsIn = (chunks) => {
  const found = new Map(names.map((name) => [name, new Set()]));
  for (const { code = "" } of chunks)
    for (const [, bindings, name] of code.matchAll(imported))
      for (const binding of bindings.split(",")) found.get(name).add(binding.trim().split(" as ")[0]);
  return [...found].map(([name, bindings]) => [name, [...bindings].sort()]);
};

export const requiredPackages = {
  name: "required-packages",
  names,
  resolveId: (id) => (names.includes(id) ? { id: `#packages/${id}`, external: true } : null),
  generateBundle(_options, bundle) {
    for (const [name, bindings] of bindingsIn(Object.values(bundle))) {
      const sources = {
        js: `export { ${bindings.join(", ")} } from "${name}";\n`,
        cjs: `const required = require("${name}");\n${bindings.map((one) => `exports.${one} = required.${one};\n`).join("")}`,
      };
      for (const [extension, source] of Object.entries(sources))
        this.emitFile({ type: "asset", fileName: `src/packages/${name}.${extension}`, source });
    }
  },
};

/** V8 keeps the text of a module: two bytes a character where a single one is above Latin-1. */
export const ascii = {
  name: "ascii",
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) if (chunk.type === "chunk") chunk.code = escaped(chunk.code);
  },
};

/** A character that has a backslash before it already would become a backslash and a text. */
const escaped = (code) =>
  code.replace(/(\\*)([\u0080-\uffff])/g, (whole, before, unit) => {
    if (before.length % 2 === 1) throw new Error(`a chunk has ${whole}: write it without the backslash`);
    return `${before}\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });

/**
 * What a bundle has of CommonJS modules are functions that are called while it is loaded. V8 compiles one at once, instead of reading it
 * over first, where it is no arrow and stands in parentheses: 0.97 of the processor time to ready of a tier that the command line starts.
 */
export const modulesAtOnce = {
  name: "modules-at-once",
  generateBundle(_options, bundle) {
    const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
    if (!chunks.some(({ code }) => code.match(wrapper)))
      throw new Error("no chunk has a CommonJS module: name here how one stands in it");
    for (const chunk of chunks)
      chunk.code = chunk.code.replace(wrapper, (_, list, only) => `__commonJSMin((function(${list ?? only}){`);
  },
};

const wrapper = /\b__commonJSMin\(\((?:\(([\w$,]*)\)|([\w$]+))=>\{/g;

/** The command line connects to one server; a client of a cluster is given to a service, and brings its own ioredis. */
const nothing = "\0nothing";
export const withoutCluster = {
  name: "without-cluster",
  resolveId: (id, importer) => (id === "./cluster" && /ioredis.built.\w+\.js$/.test(importer) ? nothing : null),
  load: (id) => (id === nothing ? "exports.default = undefined;" : null),
};
