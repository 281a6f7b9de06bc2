/** The only file that touches signals, exit codes and the IPC channel to a supervisor. Every listener in it can be removed. */
import type { EventEmitter } from "node:events";
import { writeSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import { cleanLine } from "./clean.ts";
import { fromEnvironment } from "./environment.ts";
import { messageOf } from "./errors.ts";

/** The signals by which terminals, supervisors, container runtimes (LXC: SIGPWR) and dev tools (nodemon: SIGUSR2) ask a process to end. */
export const stopSignals = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGPWR", "SIGBREAK"] as const;
export type StopSignal = (typeof stopSignals)[number];

/** Many subscribers, one listener on the process, which is there exactly while there is a subscriber. */
const shared = <T extends unknown[]>(events: readonly string[]) => {
  const handlers = new Set<(...args: T) => void>();
  const callAll = (...args: T) => {
    for (const handler of [...handlers]) handler(...args);
  };
  return (handler: (...args: T) => void): (() => void) => {
    const own = (...args: T) => handler(...args);
    handlers.add(own);
    if (handlers.size === 1) for (const event of events) process.on(event, callAll);
    return () => {
      if (handlers.delete(own) && handlers.size === 0) for (const event of events) process.off(event, callAll);
    };
  };
};

/** `nohup` has SIGHUP ignored, which Node undoes at its start. A shell leaves the name of the command that it started in `_`. */
const isUnderNohup = (): boolean => basename(fromEnvironment("_") ?? "") === "nohup";

/** Whether the process is asked to end: not by SIGHUP under `nohup`, nor by SIGUSR2 where another listener uses it. */
const asksToEnd = (signal: StopSignal): boolean => {
  if (signal === "SIGHUP") return !isUnderNohup();
  return signal !== "SIGUSR2" || process.listenerCount(signal) === 1;
};

const onAnySignal = shared<[StopSignal]>(stopSignals);

/** Calls `handler` at every signal that asks the process to end, until the returned function is called. Does not keep the process alive. */
export const onSignals = (handler: (signal: StopSignal) => void): (() => void) =>
  onAnySignal((signal) => {
    if (asksToEnd(signal)) handler(signal);
  });

let kept: StopSignal | undefined;

/** Keeps the first stop signal for a service that is launched later: the kernel drops a signal for PID 1 that has no listener. */
export const keepSignals = (): void => {
  onSignals((signal) => {
    kept ??= signal;
  });
};

/** The signal that arrived before a service was launched; undefined if none did or none was kept. */
export const keptSignal = (): StopSignal | undefined => kept;

/** Calls `handler` when the event loop is empty and the process would end, until the returned function is called. */
export const onIdle: (handler: () => void) => () => void = shared<[]>(["beforeExit"]);

/** Calls `handler` with every uncaught exception and unhandled rejection until the returned function is called. */
export const onUncaught: (handler: (error: unknown) => void) => () => void = shared<[unknown]>([
  "uncaughtException",
  "unhandledRejection",
]);

/**
 * Calls `handler` when the process exits, `process.exit` included, until the returned function is called. It has to be synchronous;
 * `setExitCode` in it still counts.
 */
export const onExit: (handler: () => void) => () => void = shared<[]>(["exit"]);

const exitGuards = new Set<() => void>();
let unguardedExit = process.exit;

/**
 * Calls `guard` before each `process.exit`, until the returned function is called. What `guard` throws reaches the caller of
 * `process.exit`, and the process goes on.
 */
export const guardExit = (guard: () => void): (() => void) => {
  if (exitGuards.size === 0) {
    unguardedExit = process.exit;
    process.exit = (code) => {
      for (const check of [...exitGuards]) check();
      return unguardedExit(code);
    };
  }
  exitGuards.add(guard);
  return () => {
    if (exitGuards.delete(guard) && exitGuards.size === 0) process.exit = unguardedExit;
  };
};

/** The exit code that a shell reports for a process that this signal ended: 128 + its number. */
export const signalExitCode = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/** Sets the exit code of the process; the highest code that was set wins. */
export const setExitCode = (code: number): void => {
  process.exitCode = Math.max(Number(process.exitCode ?? 0), code);
};

/** The exit code that is set. */
export const exitCode = (): number => Number(process.exitCode ?? 0);

/** Ends the process now. Writes to files, terminals and (not on Windows) pipes are synchronous, so none is lost. */
export const exit = (code: number): never => process.exit(code);

/** Writes one line to standard error before an exit. A closed pipe is ignored. */
export const writeLastLine = (line: string): void => {
  try {
    writeSync(2, `stargazer: ${cleanLine(line)}\n`);
  } catch {
    // the reader is gone
  }
};

let isMuted = false;
/** From here on the default logs of services are not written: for a process that constructs services to read them, and boots none. */
export const muteLogs = (): void => {
  isMuted = true;
};

/** Writes a log to standard output. Where the reader has died, a log collector for example, the text is lost and the process goes on. */
export const writeOut = (text: string): void => {
  if (isMuted) return;
  if (process.stdout.listeners("error").every((listener) => listener !== ignore)) process.stdout.on("error", ignore);
  process.stdout.write(text);
};

/** Keeps the process alive until the returned function is called. */
export const holdOpen = (): (() => void) => {
  const timer = setInterval(() => {}, 2 ** 31 - 1);
  return () => clearInterval(timer);
};

/** What keeps the process alive, by kind: `TCPSocketWrap × 2`. */
export const openResources = (): string[] => {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind} × ${count}`));
};

/** Sends `signal` to a whole process group; a group that has ended is no error. */
export const signalGroup = (leader: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
};

/* ---- between `stargazer run` and a module that launches its service itself: by name, for they may hold two copies of this package ---- */

const launchedEvent = "stargazer.launched";
const events: EventEmitter = process;

/** A service that is launched. A listener that sets `taken` inspects the service, which then never boots. */
export interface LaunchOffer {
  taken: boolean;
  /** the names of the services of its group that it comes after */
  readonly after: readonly string[];
}

/** Emits the launch of `service` on the process, before it boots. Returns whether a listener has taken it. */
export const emitLaunched = (service: unknown, after: readonly string[]): boolean => {
  const offer: LaunchOffer = { taken: false, after };
  events.emit(launchedEvent, service, offer);
  return offer.taken;
};

/** Calls `handler` with every service that is launched in this process, until the returned function is called. */
export const onLaunched = (handler: (service: unknown, offer: LaunchOffer) => void): (() => void) => {
  events.on(launchedEvent, handler);
  return () => void events.off(launchedEvent, handler);
};

/* ---- the line between a service and the supervisor that started it: an IPC channel, used only when SG_SUPERVISED is set ---- */

/** The part of a stop report that a supervisor gets. */
export interface StopSummary {
  readonly outcome: string;
  readonly reason: string;
  readonly exitCode: number;
  readonly error?: unknown;
}

/** Where a listener of a service is, and which ports before that one were taken. */
export interface ListenerAddress {
  /** the health port, or HTTP of the tier's own */
  readonly name: "health" | "http";
  readonly host: string;
  readonly port: number;
  readonly taken: readonly number[];
}

/** A message of a supervised service. */
export type ServiceMessage =
  | { readonly type: "named"; readonly service: string; readonly instance: string }
  | { readonly type: "state"; readonly state: string }
  | ({ readonly type: "listening" } & ListenerAddress)
  | ({ readonly type: "report"; readonly error?: string } & Omit<StopSummary, "error">);

/** Set by a supervisor for its children; another parent's IPC channel is left alone. */
export const supervisedEnvironment: Readonly<Record<string, string>> = { SG_SUPERVISED: "1" };

/** Whether a supervisor started this process and reads its messages. */
export const isSupervised = (): boolean => fromEnvironment("SG_SUPERVISED") === "1" && process.send !== undefined;
const ignore = (): void => {};

const send = (message: ServiceMessage): void => {
  if (isSupervised() && process.connected) process.send?.(message, undefined, undefined, ignore);
};

/** Sends the supervisor, if there is one, where the service is: `jitter`, `starting.tools`, `running`. Never throws. */
export const announce = (state: string): void => send({ type: "state", state });

/** Sends the supervisor, if there is one, the names of the service in the registry. Never throws. */
export const announceName = (service: string, instance: string): void => send({ type: "named", service, instance });

/** Sends the supervisor, if there is one, where the service listens. Never throws. */
export const announceListening = (address: ListenerAddress): void => send({ type: "listening", ...address });

/** Sends the supervisor, if there is one, how the service stopped. Never throws. */
export const announceReport = ({ outcome, reason, exitCode, error }: StopSummary): void => {
  send({ type: "report", outcome, reason, exitCode, ...(error === undefined ? {} : { error: messageOf(error) }) });
};

/**
 * Lets the process end while its parent keeps the IPC channel open, unless a listener of the program's own reads from it. In a
 * worker of node:cluster Node itself has one, which would keep the process alive for ever.
 */
export const releaseChannel = async (): Promise<void> => {
  if (!process.connected || isSupervised()) return;
  const { default: cluster } = await import("node:cluster");
  if (cluster.isWorker || process.listenerCount("message") === 0) process.channel?.unref();
};

/**
 * Calls `handler` with the reason when a parent ends the process by other means than a signal, until the returned function is called:
 * the supervisor dies or has died, SIGKILL included; the primary disconnects a worker of node:cluster, or has; pm2 sends its message
 * `shutdown`. The messages of another parent are left alone. Does not keep the process alive. `connected` is undefined without a parent.
 */
export const onParentEnds = (handler: (reason: string) => void): (() => void) => {
  let isWanted = true;
  const end = (reason: string) => isWanted && handler(reason);
  const onGone = () => end(isSupervised() ? "the supervisor is gone" : "the primary has disconnected");
  const onMessage = (message: unknown) => message === "shutdown" && end(message);
  const follow = () => (process.connected ? process.once("disconnect", onGone).channel?.unref() : queueMicrotask(onGone));
  if (isSupervised()) follow();
  else if ((process.connected as boolean | undefined) !== undefined) {
    if (fromEnvironment("pm_id") !== undefined) process.on("message", onMessage);
    void import("node:cluster").then(({ default: { isWorker } }) => isWanted && isWorker && follow());
  }
  return () => {
    isWanted = false;
    process.off("disconnect", onGone).off("message", onMessage);
  };
};
