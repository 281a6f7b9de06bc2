/** Finding a Redis server to start. */
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fromEnvironment } from "../../environment.ts";
import { isExecutable } from "../../executable.ts";

const names = ["redis-server", "valkey-server"];

/** Package managers install servers here; the PATH of systemd or cron may leave them out. */
const usualFolders = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", "/usr/local/sbin", "/usr/sbin"];

/** The package's root, from `src/redis` as well as from `dist/src/redis`. */
const roots = ["../../..", "../../../.."].map((up) => fileURLToPath(new URL(up, import.meta.url)));
const cached = roots.map((root) => join(root, "node_modules", ".cache", "stargazer", "redis-server"));

/** The path of a redis-server or valkey-server: on the PATH, in a usual folder, or put into the cache by the set-up. */
export const findRedisServer = (): string | undefined => {
  const folders = [...(fromEnvironment("PATH") ?? "").split(delimiter).filter(Boolean), ...usualFolders];
  const installed = folders.flatMap((folder) => names.map((name) => resolve(folder, name)));
  return [...installed, ...cached].find(isExecutable);
};
