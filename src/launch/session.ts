/** What all launches of a process share, from the first one until the last service has stopped: signals, uncaught errors, the exit. */
import { isStopping } from "../../machines/phases.ts";
import { nameOf } from "../../machines/thrown.ts";
import { unknownInEnvironment } from "../closest.ts";
import { unknownVariables } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { flightFolder } from "../flight/file.ts";
import { hasOpenTelemetry } from "../instrumented.ts";
import { warn } from "../logger.ts";
import type { StopSignal } from "../process.ts";
import {
  exit,
  exitCode,
  holdOpen,
  isSupervised,
  keptSignal,
  onExit,
  onParentEnds,
  onUncaught,
  openResources,
  releaseChannel,
  setExitCode,
  signalExitCode,
  writeLastLine,
} from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import { onStopSignals } from "../stop-signals.ts";

/** ms that a process may take to end by itself after its last service has stopped */
const lingerMs = 1000;

/** What one call of `launch` runs: a service, or a group of them. */
export interface Launched {
  /** the services that have begun and not yet stopped, as their base class has them */
  services(): readonly StargazerService[];
  /** Whether all of it stops, or has stopped. */
  isStopping(): boolean;
  /** Has all of it stopped, because everything in the process stops. */
  stop(reason: string | Error): void;
}

/** What all launches share. */
export interface Session {
  readonly running: Set<Launched>;
  /** why everything is stopped; what is launched later is stopped for the same reason */
  stopped: string | Error | undefined;
  readonly uninstall: () => void;
  /** after this an exit is the session's own */
  readonly unwatchExit: () => void;
}

/** Defined exactly while something is launched. */
let session: Session | undefined;

/** Runs from the end of a session until the next one begins. */
let linger: NodeJS.Timeout | undefined;

/** Has signals and uncaught errors handled from now on, until `endIfLast` or `closeIfLast`. */
export const openSession = (): Session => {
  session ??= installed();
  return session;
};

/** One warning of the process. Under a supervisor of Stargazer's none: `up` has named them. */
const nameUnknownVariables = (): void => {
  const names = unknownVariables();
  if (names.length > 0 && !isSupervised()) warn(unknownInEnvironment(names));
};

const installed = (): Session => {
  clearTimeout(linger);
  nameUnknownVariables();
  const unwatchExit = onExit(cutOff);
  const removals = [
    unwatchExit,
    onStopSignals({ stop: stopAll, force: forceExit }),
    onUncaught(uncaughtHandler()),
    onParentEnds(stopAll),
    holdOpen(),
  ];
  const uninstall = () => {
    for (const remove of removals) remove();
  };
  return { running: new Set(), stopped: keptSignal(), uninstall, unwatchExit };
};

/** Ends the session where nothing runs any more. A process that is still alive a second later exits. */
export const endIfLast = (): void => {
  if (closeIfLast()) lingerAtMost();
};

/** Whether the session was closed: not while anything runs. */
export const closeIfLast = (): boolean => {
  // equivalent mutant: only an opened session ends; the type does not know
  if (session === undefined || session.running.size > 0) return false;
  session.uninstall();
  session = undefined;
  void releaseChannel();
  return true;
};

// equivalent mutant: the handlers that read it end with the session
const launched = (): readonly Launched[] => [...(session?.running ?? [])];
const launchedServices = (): readonly StargazerService[] => launched().flatMap((own) => own.services());

const stopAll = (reason: string | Error): void => {
  // equivalent mutant: the handlers that read it end with the session
  if (session !== undefined) session.stopped ??= reason;
  for (const own of launched()) own.stop(reason);
};

const forceExit = (signal: StopSignal): void => exitAtOnce(`${signal} again:`, signalExitCode(signal));

/** Synchronous: no report follows. */
const exitAtOnce = (why: string, code: number): never => {
  writeCutOff(why);
  // equivalent mutant: the handlers that call it end with the session
  session?.unwatchExit();
  return exit(code);
};

/** Other code has ended the process: nothing asynchronous can be undone any more, so the exit code is at least 1. */
const cutOff = (): void => {
  writeCutOff("other code ended the process:");
  setExitCode(1);
};

const writeCutOff = (why: string): void => {
  for (const service of launchedServices()) service.saveFlight(flightFolder());
  writeLastLine(`${why} exiting at once, without waiting for ${waitedFor()}`);
};

const uncaughtHandler = (): ((error: unknown) => void) => {
  let first = true;
  return (error) => {
    if (repeatsAbort(error)) return;
    const cause = new StargazerError("SG_ERR_UNCAUGHT", `uncaught: ${messageOf(error)}`, { cause: error });
    if (first) stopAll(cause);
    else exitAtOnce(`uncaught again: ${cause.message};`, 1);
    first = false;
  };
};

/** A promise that a hook does not await rejects when its signal aborts: that is the stop itself, no failure. */
const repeatsAbort = (error: unknown): boolean =>
  nameOf(error) === "AbortError" && launchedServices().some(({ state }) => isStopping(state));

const waitedFor = (): string =>
  launchedServices()
    .map((own) => own.status())
    .map(({ service, instance, path }) => `${service}/${instance} in ${path}`)
    // equivalent mutant: the handlers that read it end with the last service
    .join(", ") || "anything";

/** An SDK of OpenTelemetry exports its spans, metrics and logs in this time. */
const flushTelemetry = async (): Promise<void> => {
  const traces = await import("../traces/index.ts").catch(() => undefined);
  await traces?.flush();
};

const lingerAtMost = (): void => {
  const ours: string[] = [];
  if (hasOpenTelemetry()) {
    ours.push("the export of telemetry");
    void flushTelemetry().then(() => ours.pop());
  }
  linger = setTimeout(() => {
    const open = [...ours, ...openResources()].join(", ") || "unknown";
    writeLastLine(`still alive ${lingerMs} ms after the last service stopped; open: ${open}`);
    exit(exitCode());
  }, lingerMs);
  linger.unref();
};
