/**
 * A Redis of one's own: a real redis-server or valkey-server in a temporary folder, without persistence, gone with its parent.
 *
 * A small shell stands between. It holds the read end of a pipe from this process; when the pipe ends, because `stop()` closed it
 * or because this process died in whatever way, it kills the server and removes the folder. It is in a process group of its own,
 * so a Ctrl-C in the terminal does not reach the server before the services have deregistered.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../../clock.ts";
import { messageOf, StargazerError } from "../../errors.ts";
import { askServer } from "./ask.ts";
import { findRedisServer } from "./binary.ts";
import type { PortReservation } from "./port-reservation.ts";
import { reservePort } from "./port-reservation.ts";

export { findRedisServer } from "./binary.ts";

export interface EmbeddedRedisOptions {
  /** how it is reached. Default `port`: a free one on 127.0.0.1, whose URL works in any shell and child */
  readonly kind?: "socket" | "port";
  /** gives up starting; does not stop a server that is up */
  readonly signal?: AbortSignal;
  /** more lines for redis.conf */
  readonly config?: readonly string[];
  /** those of a server that has ended, so that the next one is found under the same URL. Default: free, random */
  readonly port?: number;
  readonly password?: string;
}

export interface EmbeddedRedis {
  /** fits `openRedis`, REDIS_URL and redis-cli; has a random password in it */
  readonly url: string;
  readonly socketPath?: string;
  readonly port?: number;
  /** of the server itself */
  readonly pid: number;
  /** Resolves when the server has ended, asked or not. */
  readonly ended: Promise<void>;
  /** Ends the server and removes its folder. Every call is the same. Takes some ms; never rejects. */
  stop(): Promise<void>;
}

/** ms in which a server must answer */
const startTimeoutMs = 5000;
const portAttempts = 5;

/**
 * Arguments: the folder, then the server's command line. The server is without state, so it may be killed outright. `rm` is looked
 * for in the usual folders too: the PATH may be empty. All else is the shell's own.
 */
const wrapper = `dir=$1; shift
PATH="\${PATH:-}:/usr/bin:/bin"
trap '' HUP INT TERM
"$@" </dev/null & server=$!
exec >/dev/null
while read -r _; do :; done
kill -9 "$server" 2>/dev/null
wait "$server" 2>/dev/null
rm -rf "$dir"`;

interface Plan {
  readonly dir: string;
  readonly password: string;
  readonly socketPath?: string;
  readonly port?: number;
  /** of the port, until the server listens on it */
  readonly reservation?: PortReservation;
}

/**
 * Starts a server and resolves once it answers, within 100 ms as a rule. Rejects with `SG_ERR_REDIS_SERVER_MISSING` where there is
 * none to start, and with `SG_ERR_REDIS_UNREACHABLE` when it does not come up. Nothing of it keeps this process alive.
 */
export const startEmbeddedRedis = async (options: EmbeddedRedisOptions = {}): Promise<EmbeddedRedis> => {
  const binary = findRedisServer();
  if (binary === undefined) throw missing();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(binary, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isTaken(messageOf(error)) || attempt === portAttempts) throw error;
    }
  }
};

const missing = (): StargazerError =>
  new StargazerError(
    "SG_ERR_REDIS_SERVER_MISSING",
    "There is no redis-server and no valkey-server on the PATH. Install one (Debian: apt-get install redis-server, macOS: brew install redis), or set REDIS_URL to a Redis that runs.",
  );

const startOnce = async (binary: string, { kind = "port", ...options }: EmbeddedRedisOptions): Promise<EmbeddedRedis> => {
  const plan = await planFor(kind, options);
  try {
    return await startAs(plan, binary, options);
  } finally {
    plan.reservation?.release();
  }
};

const startAs = async (
  plan: Plan,
  binary: string,
  { signal, config = [] }: Pick<EmbeddedRedisOptions, "signal" | "config">,
): Promise<EmbeddedRedis> => {
  await writeFile(join(plan.dir, "redis.conf"), configFor(plan, config), { mode: 0o600 });
  const child = spawnServer(binary, plan.dir);
  const ended = new Promise<void>((resolve) => child.stdout!.once("close", () => resolve()));
  const stop = stopperOf(child, plan.dir);
  try {
    const deadline = AbortSignal.timeout(startTimeoutMs);
    const pid = await answering(child, plan, signal ? AbortSignal.any([signal, deadline]) : deadline);
    return { url: urlOf(plan), ...reachedBy(plan), pid, ended, stop };
  } catch (error) {
    await stop();
    throw signal?.aborted ? signal.reason : error;
  }
};

const planFor = async (kind: "socket" | "port", wished: Pick<EmbeddedRedisOptions, "port" | "password">): Promise<Plan> => {
  const { password = randomBytes(16).toString("hex") } = wished;
  const dir = await makeFolder();
  if (kind === "socket") return { dir, password, socketPath: join(dir, "redis.sock") };
  if (wished.port !== undefined) return { dir, password, port: wished.port };
  const reservation = await reservePort();
  return { dir, password, port: reservation.port, reservation };
};

const makeFolder = (): Promise<string> =>
  mkdtemp(join(tmpdir(), "stargazer-redis-")).catch((cause: unknown) => {
    const message = `There can be no temporary folder for the embedded Redis: ${messageOf(cause)}. Set TMPDIR, or REDIS_URL to a Redis that runs.`;
    throw new StargazerError("SG_ERR_CONFIG_INVALID", message, { cause });
  });

const configFor = ({ dir, password, socketPath, port }: Plan, more: readonly string[]): string =>
  [
    `port ${port ?? 0}`,
    "bind 127.0.0.1",
    ...(socketPath === undefined ? [] : [`unixsocket ${socketPath}`, "unixsocketperm 700"]),
    `requirepass ${password}`,
    'save ""',
    "appendonly no",
    `dir ${dir}`,
    "daemonize no",
    "loglevel warning",
    ...more,
    "",
  ].join("\n");

const urlOf = ({ password, port, socketPath }: Plan): string =>
  socketPath === undefined
    ? `redis://:${password}@127.0.0.1:${port}`
    : `redis://:${password}@localhost?path=${encodeURIComponent(socketPath)}`;

const reachedBy = ({ port, socketPath }: Plan): { port?: number; socketPath?: string } => ({
  ...(port === undefined ? {} : { port }),
  ...(socketPath === undefined ? {} : { socketPath }),
});

const spawnServer = (binary: string, dir: string): ChildProcess => {
  const child = spawn("/bin/sh", ["-c", wrapper, "sh", dir, binary, join(dir, "redis.conf")], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.unref();
  (child.stdin as Socket).on("error", () => {}).unref();
  (child.stdout as Socket).unref();
  return child;
};

/** Resolves with the server's pid once it answers. The server alone holds the log's pipe, so its end is the server's end. */
const answering = async (child: ChildProcess, plan: Plan, signal: AbortSignal): Promise<number> => {
  let log = "";
  let ended = false;
  const { stdout } = child;
  const read = (chunk: Buffer) => {
    log = `${log}${chunk}`.slice(-2000);
  };
  const end = () => {
    ended = true;
  };
  stdout!.on("data", read).once("close", end);
  const spawned = once(child, "spawn", { signal });
  await spawned;
  try {
    while (!ended && !signal.aborted) {
      const pid = await askServer(plan, signal).catch(() => undefined);
      if (pid !== undefined) return pid;
      await pause(2);
    }
  } finally {
    stdout!.off("data", read).off("close", end).resume();
  }
  const why = ended ? `it ended: ${lastWords(log)}` : `no answer within ${startTimeoutMs} ms`;
  throw new StargazerError("SG_ERR_REDIS_UNREACHABLE", `The embedded Redis did not come up: ${why}`);
};

const isTaken = (text: string): boolean => /address already in use/i.test(text);

/** Of a port that is taken the last line says only that it failed. */
const lastWords = (log: string): string => {
  const lines = log.trim().split("\n");
  return lines.find(isTaken) ?? lines.at(-1) ?? "";
};

/** ms that the shell gets to clean up before its group is killed */
const stopTimeoutMs = 2000;

const stopperOf = (child: ChildProcess, dir: string): (() => Promise<void>) => {
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    child.ref();
    child.stdin!.end();
    await until(AbortSignal.timeout(stopTimeoutMs), exited).catch(() => killGroup(child.pid));
    child.stdout!.destroy();
    await rm(dir, { recursive: true, force: true });
  };
  return () => {
    stopping ??= stop();
    return stopping;
  };
};

const killGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // it is gone already
  }
};
