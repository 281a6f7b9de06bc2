/** Compiles the simulation and what it simulates into node_modules/.cache: Node 20 cannot run TypeScript, and nothing of it ships. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = `${root}node_modules/.cache/simulation`;

/** Returns the URL of the compiled folder. Types are not checked here: `npm run check` does. */
export const compile = () => {
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  const options = ["--noCheck", "--noEmit", "false", "--declaration", "false", "--outDir", out];
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", `${root}test/simulation`, ...options], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the simulation does not compile:\n${stdout}${stderr}`);
  mkdirSync(out, { recursive: true });
  writeFileSync(`${out}/package.json`, '{ "type": "module" }\n');
  return new URL(`file://${out}/test/simulation/`);
};
