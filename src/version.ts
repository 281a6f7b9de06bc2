/** Which Stargazer this is, and which program it runs in. */
import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fromEnvironment } from "./environment.ts";

/** The version of this package. */
export const version = (): string => (createRequire(import.meta.url)("stargazer/package.json") as { version: string }).version;

/** The version of the service: `SG_VERSION`, else that of the package that npm started, else that of the main module's package. */
export const serviceVersion = (): string =>
  fromEnvironment("SG_VERSION") ?? fromEnvironment("npm_package_version") ?? programVersion() ?? "0.0.0";

/** The version in the package.json nearest to the main module that has one; undefined where there is none. */
export const programVersion = (): string | undefined => {
  const [, main] = process.argv;
  try {
    return main === undefined ? undefined : nearestVersion(dirname(realpathSync(main)));
  } catch {
    return undefined;
  }
};

const nearestVersion = (folder: string): string | undefined => {
  const parent = dirname(folder);
  return versionIn(folder) ?? (parent === folder ? undefined : nearestVersion(parent));
};

const versionIn = (folder: string): string | undefined => {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version?: unknown };
    return typeof version === "string" && version !== "" ? version : undefined;
  } catch {
    return undefined;
  }
};
