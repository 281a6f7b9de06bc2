/** A tier as a process of its own that is killed at one moment of what it sends to Redis. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Shell } from "./cli.ts";
import { LoopbackProxy } from "./proxy.ts";
import type { TestRedis } from "./redis.ts";

export interface DoomedTier {
  readonly child: ChildProcess;
  /** Resolves when the process was killed. */
  readonly killed: Promise<void>;
  stop(): Promise<void>;
}

export interface Doom {
  readonly shell: Shell;
  readonly redis: TestRedis;
  readonly tier: string;
  readonly env?: Record<string, string>;
  /** Asked for each chunk on its way to Redis: whether this is the moment, and whether the chunk arrives. */
  isNow(chunk: Buffer): Promise<"no" | "before" | "after"> | "no" | "before" | "after";
}

const environment = (url: string, env: Record<string, string> = {}) => ({ REDIS_URL: url, SG_HEALTH_PORT: "0", ...env });

/** The same tier, which lives on. */
export const startTier = (shell: Shell, redis: TestRedis, tier: string, env: Record<string, string> = {}): ChildProcess =>
  shell.start(["run", tier, "--instance", `${tier}-b`], environment(redis.url, env)).child;

/** Runs `tier` until its moment has come: it is killed (SIGKILL) before the chunk has arrived, or after it and before any reply. */
export const startDoomed = async ({ shell, redis, tier, env, isNow }: Doom): Promise<DoomedTier> => {
  const proxy = await LoopbackProxy.start(redis.port);
  let isOver = false;
  const { child } = shell.start(["run", tier, "--instance", `${tier}-a`], environment(proxy.through(redis.url), env));
  const killed = once(child, "exit").then(() => {});
  proxy.beforeUp = async (chunk) => {
    const now = isOver ? "before" : await isNow(chunk);
    if (now === "no") return;
    isOver = true;
    child.kill("SIGKILL");
    if (now === "before") await new Promise(() => {});
  };
  return { child, killed, stop: () => proxy.stop() };
};
