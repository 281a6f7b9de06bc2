/** The built command line in a temporary folder of its own, so that it finds no fleet outside. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./wait.ts";

const program = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const running = new Set<ChildProcess>();

interface CliEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliEnding>;
  out(): string;
  err(): string;
  /** Resolves with the first line of standard output that fits. */
  line(what: string, fits: (line: string) => boolean): Promise<string>;
}

/** A temporary folder in which one command finds what another one started. */
export interface Shell {
  readonly folder: string;
  /** `uid`: the user, as root only */
  start(
    args: readonly string[],
    env?: Record<string, string | undefined>,
    options?: { readonly uid?: number; readonly gid?: number; readonly cwd?: string },
  ): CliProcess;
  /** Runs to the end; `input` is what is piped into it. */
  run(args: readonly string[], options?: { env?: Record<string, string | undefined>; input?: string }): Promise<CliEnding>;
  remove(): void;
}

export const openShell = (): Shell => {
  const folder = mkdtempSync(join(tmpdir(), "sg-shell-"));
  const start: Shell["start"] = (args, env = {}, options = {}) => {
    // below a file: no program can make that folder
    const clean = { REDIS_URL: undefined, XDG_RUNTIME_DIR: "/dev/null/none", NO_COLOR: undefined, SG_BOOT_JITTER_MS: "0" };
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...clean, TMPDIR: folder, ...env },
      ...options,
    });
    running.add(child);
    return watched(child);
  };
  return {
    folder,
    start,
    run: (args, { env = {}, input = "" } = {}) => {
      const { child, ended } = start(args, env);
      child.stdin!.end(input);
      return ended;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

const watched = (child: ChildProcess): CliProcess => {
  let out = "";
  let err = "";
  child.stdout!.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr!.on("data", (chunk) => {
    err += String(chunk);
  });
  child.stdin!.on("error", () => {});
  const ended = new Promise<CliEnding>((resolve) => {
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, out, err });
    });
  });
  return {
    child,
    ended,
    out: () => out,
    err: () => err,
    line: async (what, fits) => (await eventually(`${what} in: ${out} ${err}`, () => out.split("\n").find(fits))) as string,
  };
};

/** For `afterEach`: ends the processes that a failed test left running. */
export const endCli = async (): Promise<void> => {
  for (const child of running) {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
  }
};
