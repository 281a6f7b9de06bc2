/** The package as users install it: what `npm pack` makes, in a folder of its own beside what it depends on. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const programs = join(root, "test", "fixtures", "programs");

export interface Packed {
  /** where the package is installed */
  readonly folder: string;
  /** Writes a file into the folder; returns its path. */
  write(name: string, text: string): string;
  /** Has another package of this clone in the folder, under a name of the user's. */
  add(name: string, from?: string): void;
  remove(): void;
}

/** Puts a package where a folder's programs find it. */
const link = (folder: string, name: string, from: string): void => {
  const path = join(folder, "node_modules", name);
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { recursive: true, force: true });
  symlinkSync(join(root, "node_modules", from), path);
};

/**
 * Unpacks the tarball as npm does, with the programs of `test/fixtures/programs` beside it. Of other packages only those that ours
 * declares are there.
 */
export const installPackage = (): Packed => {
  const folder = mkdtempSync(join(tmpdir(), "sg-package-"));
  const packed = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], { cwd: root });
  const [{ filename }] = JSON.parse(String(packed)) as [{ filename: string }];
  const own = join(folder, "node_modules", "stargazer");
  mkdirSync(own, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, filename), "--strip-components=1", "-C", own]);
  const { dependencies } = JSON.parse(readFileSync(join(own, "package.json"), "utf8")) as { dependencies: object };
  for (const name of Object.keys(dependencies)) link(folder, name, name);
  cpSync(programs, folder, { recursive: true });
  const write = (name: string, text: string): string => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    folder,
    write,
    add: (name, from = name) => link(folder, name, from),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** A node of another version, by the variable `STARGAZER_TEST_NODES` (paths, separated by colons); beside the one that runs. */
export const nodes = (): readonly string[] => [
  process.execPath,
  ...(process.env.STARGAZER_TEST_NODES ?? "").split(":").filter((path) => path !== ""),
];
