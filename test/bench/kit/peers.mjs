/** The peers: installed on demand, with their lockfiles, into a cache outside the tree. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const sources = fileURLToPath(new URL("../peers/", import.meta.url));
const hooks = fileURLToPath(new URL("../services/hooks.cjs", import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "stargazer-bench", `node-${process.versions.node}`);

const markOf = (folder) =>
  createHash("sha256")
    .update(readFileSync(join(folder, "package-lock.json")))
    .digest("hex");

const npm = (args, cwd) => {
  const { status, stdout, stderr } = spawnSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm ${args[0]} failed in ${cwd}:\n${stdout}${stderr}`);
  return stdout;
};

/** The folder of an installed peer. */
export const peerFolder = (name) => {
  const [from, to] = [join(sources, name), join(cache, name)];
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(to, file));
  copyFileSync(hooks, join(to, "hooks.cjs"));
  const [mark, stamp] = [markOf(to), join(to, ".installed")];
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === mark) return to;
  process.stderr.write(`bench: installing ${name} into ${to}\n`);
  npm(["ci", "--omit=dev"], to);
  writeFileSync(stamp, mark);
  return to;
};

/** Production packages of a project, by its lockfile. */
export const packagesOf = (folder) => {
  const { packages } = JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8"));
  return Object.keys(packages).filter((path) => existsSync(join(folder, path))).length;
};

/** Packs this library and installs it as its users do; the folder it was installed into. */
export const installOurs = (root, folder) => {
  const [{ filename }] = JSON.parse(npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root));
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  npm(["install", "--omit=dev", "--omit=optional", join(folder, filename)], folder);
  return folder;
};
