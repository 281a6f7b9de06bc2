/** Node 22 and newer keep compiled code on disk for the next start. */
import module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromEnvironment } from "./environment.ts";
import { ownUid, privateFolder } from "./private-folder.ts";

interface WithCompileCache {
  getCompileCacheDir?(): string | undefined;
  enableCompileCache?(folder: string): unknown;
}

/**
 * Makes Node keep compiled code in a private folder below the one for temporary files: another user who can write there could make this
 * process run code. Without effect before Node 22, where the program has a cache already, where nothing can be written, and with
 * SG_COMPILE_CACHE=0 or NODE_DISABLE_COMPILE_CACHE.
 */
export const enableCompileCache = (): void => {
  const { enableCompileCache: enable, getCompileCacheDir } = module as WithCompileCache;
  if (enable === undefined || getCompileCacheDir?.() !== undefined || fromEnvironment("SG_COMPILE_CACHE") === "0") return;
  try {
    enable(privateFolder(join(tmpdir(), `stargazer-compiled-${ownUid() ?? "all"}`)));
  } catch {
    // the place is read-only, or other users may write to it
  }
};
