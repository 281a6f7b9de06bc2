/** One child process: a leader of its own process group, with an IPC channel on which it tells where it is. */
import { spawn } from "node:child_process";
import type { ChildExit } from "../../machines/index.ts";
import { inheritedEnvironment } from "../environment.ts";
import type { ServiceMessage } from "../process.ts";
import { signalGroup, supervisedEnvironment } from "../process.ts";

export interface ChildSpec {
  readonly command: string;
  readonly args: readonly string[];
  /** over the environment of this process; `undefined` takes a variable away */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** file descriptor that standard output and error are written to; without one they are let go */
  readonly log?: number | undefined;
}

/** What is supervised: anything that is started again and again, and tells when it runs. */
export interface Startable {
  readonly name: string;
  /** Starts it once more; `hear` is called with each of its messages. What is still being started when `signal` aborts is not wanted. */
  start(hear: (message: ServiceMessage) => void, signal: AbortSignal): Promise<Child>;
}

export interface Child {
  readonly pid: number | undefined;
  /** Settles when the process has ended and its last message has been heard; rejects if it could not be started. */
  readonly exited: Promise<ChildExit>;
  /** One SIGTERM to the child itself; what it started is its own to stop. */
  terminate(): void;
  /** SIGKILL to the child and all that it started. */
  kill(): void;
}

/** A child's last words are read after it has ended; they are waited for no longer than this. */
const lastWordsMs = 1000;

const isServiceMessage = (message: unknown): message is ServiceMessage => {
  const type = (message as { type?: unknown } | null)?.type;
  return type === "state" || type === "report";
};

/** Starts the process at once; `hear` is called with each of its messages. */
export const startChild = (spec: ChildSpec, hear: (message: ServiceMessage) => void): Child => {
  const output = spec.log ?? "ignore";
  const child = spawn(spec.command, spec.args, {
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
    env: inheritedEnvironment({ ...spec.env, ...supervisedEnvironment }),
  });
  child.on("message", (message) => {
    if (isServiceMessage(message)) hear(message);
  });
  const exited = new Promise<ChildExit>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      const late = setTimeout(() => resolve({ code, signal }), lastWordsMs);
      child.once("close", () => {
        clearTimeout(late);
        resolve({ code, signal });
      });
    });
  });
  exited.catch(() => {});
  const isThere = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    pid: child.pid,
    exited,
    terminate: () => {
      if (isThere()) child.kill("SIGTERM");
    },
    kill: () => {
      if (isThere()) signalGroup(child.pid as number, "SIGKILL");
    },
  };
};
