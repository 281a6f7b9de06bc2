/**
 * A server process that ends with its parent.
 *
 * A small shell stands between. It holds the read end of a pipe from this process; when the pipe ends, because `end` closed it or
 * because this process died by any cause, the shell kills the server and removes the folder. It is in a process group of its
 * own, so a Ctrl-C in the terminal does not reach the server before the services have deregistered.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { foreignEnvironment } from "../../environment.ts";
import { holdOpen } from "../../process.ts";
import { until } from "../../until.ts";

export interface ServerProcess {
  /** Resolves when the server has ended, by any cause. */
  readonly ended: Promise<void>;
  /** the last 2,000 characters of what the server has logged */
  log(): string;
  /** Kills the server, which has this pid, if it still runs. Resolves when it has ended. */
  kill(pid: number): Promise<void>;
  /** Ends server and shell, and removes the folder unless it is kept. Takes some ms; never rejects. A later call waits for the first. */
  end(options: { readonly keepFolder: boolean }): Promise<void>;
}

export interface ServerCommand {
  readonly binary: string;
  /** holds `redis.conf` */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Arguments: the folder, then the server's command line. The server is without state, so it may be killed outright. `rm` is looked
 * for in the usual folders too: the PATH may be empty. All else is the shell's own.
 */
const program = `dir=$1; shift
PATH="\${PATH:-}:/usr/bin:/bin"
trap '' HUP INT TERM
"$@" </dev/null & server=$!
exec >/dev/null
word=
while read -r line; do word=$line; done
kill -9 "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ "$word" = keep ] || rm -rf "$dir"`;

/** Resolves once the shell runs; whether the server comes up is not known yet. Keeps no process alive. */
export const spawnServer = async ({ binary, folder, signal }: ServerCommand): Promise<ServerProcess> => {
  const child = spawn("/bin/sh", ["-c", program, "sh", folder, binary, `${folder}/redis.conf`], {
    cwd: "/",
    env: foreignEnvironment(),
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.unref();
  (child.stdin as Socket).on("error", () => {}).unref();
  (child.stdout as Socket).unref();
  const { ended, log } = logOf(child);
  const server = { ended, log, kill: killerOf(child, ended), end: endingOf(child, folder) };
  await until(once(child, "spawn"), { signal, what: "the shell to start" }).catch(async (error: unknown) => {
    await server.end({ keepFolder: true });
    throw error;
  });
  return server;
};

/** The server alone holds the log's pipe, so the end of the log is the server's end. */
const logOf = ({ stdout }: ChildProcess): Pick<ServerProcess, "ended" | "log"> => {
  let log = "";
  stdout!.on("data", (chunk: Buffer) => {
    log = `${log}${chunk}`.slice(-2000);
  });
  return { ended: new Promise((resolve) => stdout!.once("close", () => resolve())), log: () => log };
};

/** The log's end is looked at first: the pid of a server that has ended may be another process's. */
const killerOf =
  ({ stdout }: ChildProcess, ended: Promise<void>): ServerProcess["kill"] =>
  async (pid) => {
    // the server's pipe keeps no process alive, but the end of this wait must come
    const release = holdOpen();
    if (!stdout!.closed) kill(pid);
    await ended.finally(release);
  };

/** ms that the shell has to clean up before its group is killed */
const endTimeoutMs = 2000;

const endingOf = (child: ChildProcess, folder: string): ServerProcess["end"] => {
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  let ending: Promise<void> | undefined;
  const end = async ({ keepFolder }: { keepFolder: boolean }): Promise<void> => {
    child.ref();
    child.stdin!.end(keepFolder ? "keep\n" : "");
    await until(exited, { signal: AbortSignal.timeout(endTimeoutMs), what: "the embedded Redis to end" }).catch(() =>
      kill(-child.pid!),
    );
    child.stdout!.destroy();
    if (!keepFolder) await rm(folder, { recursive: true, force: true });
  };
  return (options) => {
    ending ??= end(options);
    return ending;
  };
};

/** A negative pid is a process group. */
const kill = (pid: number): void => {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
};
