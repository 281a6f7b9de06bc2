/** The cache of compiled code, which Node has from 22 on: where it is, and where it is not. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { enableCompileCache } from "../src/compile-cache.ts";
import { ownUid } from "../src/private-folder.ts";

const node = module as { enableCompileCache?: unknown; getCompileCacheDir?: unknown };
const { enableCompileCache: own, getCompileCacheDir } = node;
let folder = "";
let enabled: unknown[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sg-cache-"));
  vi.stubEnv("TMPDIR", folder);
  vi.stubEnv("SG_COMPILE_CACHE", "");
  enabled = [];
  node.enableCompileCache = (path: string) => enabled.push(path);
  node.getCompileCacheDir = () => undefined;
});
afterEach(() => {
  vi.unstubAllEnvs();
  Object.assign(node, { enableCompileCache: own, getCompileCacheDir });
  rmSync(folder, { recursive: true, force: true });
});

const cache = () => join(folder, `stargazer-compiled-${ownUid() ?? "all"}`);

describe("the compile cache", () => {
  it("is in a folder of this user alone", () => {
    enableCompileCache();
    expect(enabled).toEqual([cache()]);
    if (process.platform !== "win32") expect(statSync(cache()).mode & 0o077).toBe(0);
  });

  it("is off with SG_COMPILE_CACHE=0, where the program has one already, and where Node has none", () => {
    vi.stubEnv("SG_COMPILE_CACHE", "0");
    enableCompileCache();
    vi.stubEnv("SG_COMPILE_CACHE", "");
    node.getCompileCacheDir = () => "/of/the/program";
    enableCompileCache();
    node.enableCompileCache = undefined;
    enableCompileCache();
    expect(enabled).toEqual([]);
    expect(existsSync(cache())).toBe(false);
  });

  it("is off where its folder cannot be made", () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(cache(), "");
    chmodSync(folder, 0o500);
    expect(enableCompileCache).not.toThrow();
    expect(enabled).toEqual([]);
    chmodSync(folder, 0o700);
  });
});
