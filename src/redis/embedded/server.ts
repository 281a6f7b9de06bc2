/** A Redis of one's own: a real redis-server or valkey-server in a private folder, without persistence, gone with its parent. */
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, StargazerError } from "../../errors.ts";
import { keepFolder, makeFolder, socketIn, urlOf } from "./address.ts";
import { askServer } from "./ask.ts";
import { findRedisServer } from "./binary.ts";
import type { ServerConfig, ServerUser } from "./config.ts";
import { configText } from "./config.ts";
import type { ServerProcess } from "./shell.ts";
import { spawnServer } from "./shell.ts";

export { findRedisServer } from "./binary.ts";

export interface EmbeddedRedisOptions {
  /** gives up starting; does not stop a server that is up */
  readonly signal?: AbortSignal;
  /** more lines for redis.conf */
  readonly config?: readonly string[];
  /** a port of 127.0.0.1 beside the socket, for clients that need one; 0: a free one. Default: none */
  readonly port?: number;
  /** of the administrator; default: random */
  readonly password?: string;
  /** a user beside the administrator, with a random password */
  readonly user?: ServerUser;
  /** the bound of the server's memory in Redis' form, 0 for none; default: 256mb */
  readonly maxMemory?: string;
}

/** A server that is up. */
export interface EmbeddedRedis {
  /**
   * Of the administrator. Fits `openRedis`, `--redis` and REDIS_URL; has the password in it. By the port where one was asked for, else
   * by the socket.
   */
  readonly url: string;
  /** Of the other user; of the administrator where none was asked for. */
  readonly userUrl: string;
  readonly socketPath: string;
  readonly port?: number;
  /** of the server itself */
  readonly pid: number;
  /** Resolves when the server has ended, by any cause. Its folder stays until `stop`. */
  readonly ended: Promise<void>;
  /**
   * An empty server at the same URL in place of this one, which is killed if it still runs; the folder stays meanwhile, so no other
   * process can take the socket's place. A folder that was removed is made again. Rejects as `startEmbeddedRedis` does, and may then be called again. Not after `stop`.
   */
  restart(options?: { readonly signal?: AbortSignal }): Promise<EmbeddedRedis>;
  /** Kills the server; its folder stays, for `restart`. Resolves when the server has ended. */
  kill(): Promise<void>;
  /** Ends the server and removes its folder. Every call is the same. Takes some ms; never rejects. Does nothing once it was replaced. */
  stop(): Promise<void>;
}

/** ms in which a server must answer */
const startTimeoutMs = 5000;

/**
 * Starts a server that listens on a unix socket in a folder of its own, and resolves once it answers, within 100 ms as a rule.
 * Rejects with `SG_ERR_REDIS_SERVER_MISSING` where there is none to start, with `SG_ERR_CONFIG_INVALID` where no folder can be made
 * for it, and with `SG_ERR_REDIS_UNREACHABLE` when it does not come up, also because the port is taken. Keeps no process alive.
 */
export const startEmbeddedRedis = async (options: EmbeddedRedisOptions = {}): Promise<EmbeddedRedis> => {
  const { password = randomPassword(), port, signal, user, maxMemory = defaultMaxMemory, config: lines = [] } = options;
  const binary = findRedisServer();
  if (binary === undefined) throw missing();
  const folder = await makeFolder();
  const address = { folder, socketPath: socketIn(folder) };
  const administrator = { user: "", password };
  const restricted = user && { ...user, user: user.name, password: randomPassword() };
  const plan: Plan = { address, administrator, user: restricted, maxMemory, lines, binary };
  try {
    if (port === 0) return await startOnFreePort(plan, signal);
    return await startAt({ ...plan, address: { ...address, ...(port === undefined ? {} : { port }) } }, signal);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};

/** Holds what a fleet leaves behind for weeks, and leaves room on a small machine. */
export const defaultMaxMemory = "256mb";

const randomPassword = (): string => randomBytes(16).toString("hex");

const missing = (): StargazerError =>
  new StargazerError(
    "SG_ERR_REDIS_SERVER_MISSING",
    "There is no redis-server and no valkey-server on the PATH. Install one (Debian: apt-get install redis-server, macOS: brew install redis), or set REDIS_URL to a Redis that runs.",
  );

interface Plan extends ServerConfig {
  readonly binary: string;
}

/** Systems give connections their ports from 32768 (Linux) or 49152 on: a port below that is not taken by one of them. */
const firstPort = 20_000;
const lastPort = 26_999;
const portAttempts = 20;

/** The server itself finds out whether a port is free: one that was looked for beforehand may be taken meanwhile. */
const startOnFreePort = async (plan: Plan, signal?: AbortSignal): Promise<EmbeddedRedis> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
    try {
      return await startAt({ ...plan, address: { ...plan.address, port } }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTaken(messageOf(error)) || attempt === portAttempts) throw error;
    }
  }
};

const startAt = async (plan: Plan, signal?: AbortSignal): Promise<EmbeddedRedis> => {
  const { address, binary } = plan;
  const deadline = AbortSignal.timeout(startTimeoutMs);
  const within = signal ? AbortSignal.any([signal, deadline]) : deadline;
  within.throwIfAborted();
  keepFolder(address.folder);
  await writeFile(join(address.folder, "redis.conf"), configText(plan), { mode: 0o600 });
  const server = await spawnServer({ binary, folder: address.folder, signal: within });
  try {
    return handleOf(plan, server, await answering(server, plan, within));
  } catch (error) {
    await server.end({ keepFolder: true });
    throw signal?.aborted ? signal.reason : error;
  }
};

/**
 * Resolves with the server's pid once it answers on its socket. A server opens its port first and ends where it cannot, so one that
 * answers has the port: no client meets another listener there.
 */
const answering = async (server: ServerProcess, { address, administrator }: Plan, signal: AbortSignal): Promise<number> => {
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  while (!ended && !signal.aborted) {
    const pid = await askServer(address, administrator.password, { signal }).catch(() => undefined);
    if (pid !== undefined) return pid;
    await pause(2);
  }
  const why = ended ? `it ended: ${lastWords(server.log())}` : `no answer within ${startTimeoutMs} ms`;
  throw new StargazerError("SG_ERR_REDIS_UNREACHABLE", `The embedded Redis did not come up: ${why}`);
};

const isTaken = (text: string): boolean => /address already in use/i.test(text);

/** When the port is taken, the reason is not in the last line of the log. */
const lastWords = (log: string): string => {
  const lines = log.trim().split("\n");
  return lines.find(isTaken) ?? lines.at(-1) ?? "";
};

const handleOf = (plan: Plan, server: ServerProcess, pid: number): EmbeddedRedis => {
  const { socketPath, port } = plan.address;
  const kill = (): Promise<void> => server.kill(pid);
  const restart: EmbeddedRedis["restart"] = async ({ signal } = {}) => {
    await kill();
    const next = await startAt(plan, signal);
    await server.end({ keepFolder: true });
    return next;
  };
  // the server first: its shell may have been killed
  const stop = (): Promise<void> => kill().then(() => server.end({ keepFolder: false }));
  return {
    url: urlOf(plan.address, plan.administrator),
    userUrl: urlOf(plan.address, plan.user ?? plan.administrator),
    socketPath,
    ...(port === undefined ? {} : { port }),
    pid,
    ended: server.ended,
    restart,
    kill,
    stop,
  };
};
