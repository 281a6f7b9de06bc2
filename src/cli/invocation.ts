/** How this user calls the program in this folder: what a line says has to work where it is read. */
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromEnvironment } from "../environment.ts";
import { isExecutable } from "../executable.ts";
import { shellWord } from "../shell-word.ts";

const name = "stargazer";

/** npm and npx put folders in front of the PATH that the user's shell does not have. */
const isOnPath = (): boolean =>
  (fromEnvironment("PATH") ?? "")
    .split(delimiter)
    .some((folder) => folder !== "" && !/node_modules|node-gyp-bin|_npx/.test(folder) && isExecutable(join(folder, name)));

const isOurPackage = (folder: string): boolean => {
  try {
    return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: unknown }).name === name;
  } catch {
    return false;
  }
};

/** Whether npx finds the program without a download: it is installed in the project, or the project is its own. */
const isFoundByNpx = (folder: string): boolean => {
  if (existsSync(join(folder, "node_modules", ".bin", name)) || isOurPackage(folder)) return true;
  return dirname(folder) !== folder && isFoundByNpx(dirname(folder));
};

/** `stargazer`, `npx stargazer`, or `node` with the path of the program. */
export const invocation = (): string => {
  if (isOnPath()) return name;
  if (isFoundByNpx(fromEnvironment("INIT_CWD") ?? process.cwd())) return `npx ${name}`;
  return `node ${shellWord(fileURLToPath(new URL("./main.js", import.meta.url)))}`;
};
