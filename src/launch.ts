/** Runs services as a process: signals, uncaught errors, exit codes. Only here and in the CLI does a process ever exit. */
import { isOpen, isStopping } from "../machines/phases.ts";
import { nameOf } from "../machines/thrown.ts";
import { fromEnvironment } from "./environment.ts";
import { messageOf, StargazerError } from "./errors.ts";
import { flightFolder } from "./flight/file.ts";
import { hasOpenTelemetry } from "./instrumented.ts";
import type { StopSignal } from "./process.ts";
import {
  announce,
  announceReport,
  emitLaunched,
  exit,
  exitCode,
  holdOpen,
  keptSignal,
  onExit,
  onParentEnds,
  onUncaught,
  openResources,
  releaseChannel,
  setExitCode,
  signalExitCode,
  writeLastLine,
} from "./process.ts";
import { reinsOf } from "./service/reins.ts";
import type { StargazerService } from "./service/service.ts";
import { demandService, isClass } from "./service/shape.ts";
import type { StopReport } from "./service/types.ts";
import { onStopSignals } from "./stop-signals.ts";
import { writeTermination } from "./termination.ts";

/** ms that a process may take to end by itself after its last service has stopped */
const lingerMs = 1000;
const wrongConfiguration = 2;

/** What all launches of a process share, from the first one until the last service has stopped. */
interface Session {
  /** the services that this process runs, as their base class has them */
  readonly running: Set<StargazerService>;
  /** why all services are stopped; one that is launched later is stopped for the same reason */
  stopped: string | Error | undefined;
  readonly uninstall: () => void;
  /** after this an exit is the session's own */
  readonly unwatchExit: () => void;
}

/** Defined exactly while a service is launched. */
let session: Session | undefined;

/** Runs from the end of a session until the next one begins. */
let linger: NodeJS.Timeout | undefined;

/**
 * Runs a service as a process and resolves with its `StopReport`. Takes an instance, or a factory, whose configuration error
 * is printed and exits 2.
 *
 * SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGBREAK, and SIGUSR2 where the program has no listener of its own for it, stop every
 * launched service; `nohup` has SIGHUP ignored. What a supervisor repeats is ignored. A second Ctrl-C at the terminal, or a
 * signal (except SIGHUP) more than 1000 ms of the process's own running time after the first, exits at once with 128 + its number.
 *
 * The first uncaught exception or unhandled rejection stops them as failed, a second one exits 1 at once; an AbortError while a
 * service is stopping is neither. The process is kept alive until the last service has stopped; its exit code is the worst one, and
 * at least 1 where other code ends the process before that, which a last line reports. What a service that failed did last is written
 * to a file, which its log names. After the last service has stopped, an OpenTelemetry SDK that the process has loaded is asked to flush
 * its spans. If the process is still alive 1 s later, the open resources are named and it exits with that code. A
 * service launched while the others are being stopped is stopped too. What is no service, a class for example, is refused with
 * `SG_ERR_CONFIG_INVALID`.
 */
export const launch = async (service: StargazerService | (() => StargazerService)): Promise<StopReport> => {
  session ??= openSession();
  const { running, stopped } = session;
  const given = construct(service);
  // `stargazer config` and `manifests` construct what a module launches, and boot nothing
  if (emitLaunched(given)) {
    closeIfLast();
    return new Promise(() => {});
  }
  const launched = reinsOf(given);
  running.add(launched);
  if (fromEnvironment("NOTIFY_SOCKET") !== undefined) void import("./notify/notify.ts").then(({ notify }) => notify(launched));
  const subscription = launched.actor.subscribe(announcer(launched));
  try {
    if (stopped !== undefined) void launched.shutdown(stopped);
    const report = await given.runToCompletion();
    announceReport(report);
    if (report.outcome === "failed") {
      launched.saveFlight(flightFolder());
      writeTermination(`${launched.serviceName}: ${report.error?.code ?? ""} ${report.error?.message ?? report.reason}`);
    }
    setExitCode(report.exitCode);
    return report;
  } finally {
    subscription.unsubscribe();
    running.delete(launched);
    endIfLast();
  }
};

/** Sends a supervisor, if there is one, each phase that the service enters, a tier's own included. */
const announcer = (own: StargazerService): (() => void) => {
  // equivalent mutant: no phase has this name
  let sent = "";
  return () => {
    // accepted mutant: an observer that throws is contained, and the report names the last phase
    const phase = own.status().phases.findLast(isOpen)?.phase ?? own.state;
    if (phase !== sent) announce(phase);
    sent = phase;
  };
};

const construct = (service: StargazerService | (() => StargazerService)): StargazerService => {
  const isFactory = typeof service === "function" && !isClass(service);
  try {
    const given: unknown = isFactory ? service() : service;
    return demandService(given, "launch takes a service, or a function that returns one");
  } catch (error) {
    endIfLast();
    if (!isFactory || !(error instanceof StargazerError) || error.code !== "SG_ERR_CONFIG_INVALID") throw error;
    writeLastLine(`${error.code}: ${error.message}`);
    writeTermination(`${error.code}: ${error.message}`);
    return exit(wrongConfiguration);
  }
};

const openSession = (): Session => {
  clearTimeout(linger);
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

const endIfLast = (): void => {
  if (closeIfLast()) lingerAtMost();
};

/** Whether the session was closed: not while a service runs. */
const closeIfLast = (): boolean => {
  // equivalent mutant: only an opened session ends; the type does not know
  if (session === undefined || session.running.size > 0) return false;
  session.uninstall();
  session = undefined;
  void releaseChannel();
  return true;
};

// equivalent mutant: the handlers that read it end with the session
const launchedServices = (): readonly StargazerService[] => [...(session?.running ?? [])];

const stopAll = (reason: string | Error): void => {
  // equivalent mutant: the handlers that read it end with the session
  if (session !== undefined) session.stopped ??= reason;
  for (const service of launchedServices()) void service.shutdown(reason);
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

/** An SDK of OpenTelemetry exports its spans in this time. */
const flushTraces = async (): Promise<void> => {
  const traces = await import("./traces/index.ts").catch(() => undefined);
  await traces?.flush();
};

const lingerAtMost = (): void => {
  const ours: string[] = [];
  if (hasOpenTelemetry()) {
    ours.push("the export of spans");
    void flushTraces().then(() => ours.pop());
  }
  linger = setTimeout(() => {
    const open = [...ours, ...openResources()].join(", ") || "unknown";
    writeLastLine(`still alive ${lingerMs} ms after the last service stopped; open: ${open}`);
    exit(exitCode());
  }, lingerMs);
  linger.unref();
};
