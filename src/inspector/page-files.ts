/**
 * The page's files, as they are: nothing is built. Found from the root of the package, so that `src/` (tests) and `dist/` (the
 * installed package) serve the same ones.
 */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

const root = (): string => dirname(createRequire(import.meta.url).resolve("stargazer/package.json"));

/** By name: what is not in it is not served. */
export const readPageFiles = async (): Promise<ReadonlyMap<string, PageFile>> => {
  const folder = join(root(), "src", "inspector", "page");
  const names = (await readdir(folder)).filter((name) => extname(name) in types);
  const files = names.map(
    async (name) => [name, { type: types[extname(name)]!, bytes: await readFile(join(folder, name)) }] as const,
  );
  return new Map(await Promise.all(files));
};
