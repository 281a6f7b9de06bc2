/** Runs services as a process: signals, uncaught errors, exit codes. Only here and in the CLI does a process ever exit. */
import { hasStopped, isStopping } from "../machines/phases.ts";
import { unknownInEnvironment } from "./closest.ts";
import { unknownVariables } from "./environment.ts";
import { StargazerError } from "./errors.ts";
import { announcer, followPhases, noteReport, notifySystemd } from "./launch/ending.ts";
import type { Launchable, LaunchMember, LaunchOptions } from "./launch/options.ts";
import type { Session } from "./launch/session.ts";
import { closeIfLast, endIfLast, openSession } from "./launch/session.ts";
import { announceReport, emitLaunched, exit, writeLastLine } from "./process.ts";
import { reinsOf } from "./service/reins.ts";
import type { StargazerService } from "./service/service.ts";
import { demandService, isClass, isService } from "./service/shape.ts";
import type { StopReport } from "./service/types.ts";
import { writeTermination } from "./termination.ts";
import { rejectingLater } from "./until.ts";

const wrongConfiguration = 2;

/**
 * Runs a service as a process and resolves with its `StopReport`. Takes an instance, or a factory, whose configuration error
 * is printed and exits 2.
 *
 * SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPWR, SIGBREAK, and SIGUSR2 where the program has no listener of its own for it, stop every
 * launched service; `nohup` has SIGHUP ignored. What a supervisor repeats is ignored. A second Ctrl-C at the terminal, or a
 * signal (except SIGHUP, SIGUSR2, SIGPWR, and one that code of the process sends it) more than 1000 ms of the process's own running time after the
 * first, exits at once with 128 + its number.
 *
 * The first uncaught exception or unhandled rejection stops them as failed, a second one exits 1 at once; an AbortError while a
 * service is stopping is neither. The process is kept alive until the last service has stopped; its exit code is the worst one, and
 * at least 1 where other code ends the process before that, which a last line reports. What a service that failed did last is written
 * to a file, which its log names. After the last service has stopped, an OpenTelemetry SDK that the process has loaded is asked to flush
 * its spans, metrics and logs. If the process is still alive 1 s later, the open resources are named and it exits with that code. A
 * service launched while the others are being stopped is stopped too. What is no service, a class for example, is refused with
 * `SG_ERR_CONFIG_INVALID`.
 */
export function launch(service: Launchable): Promise<StopReport>;
/**
 * Runs a group of services in one process and resolves with the `StopReport` of each, in the order of the list, once all have stopped.
 * Signals, uncaught errors and the exit code are those of one service.
 *
 * A member with `after` boots once the services that it names are running, and they stop once it has stopped; members without such an
 * order boot and stop together. By default the failure of one stops all; with `{ fail: "apart" }` it stops those that come after it. A
 * member whose `run` returns has completed, and the others go on. One that never boots ends as `shutdown`, with the reason.
 *
 * A stop takes at most the sum of `shutdownTimeoutMs` along the longest chain of `after`. Each member has a health server of its own, so
 * all but one need a `healthPort`, 0 for a free one, or `useHealthServer: false`.
 *
 * Rejects with `SG_ERR_CONFIG_INVALID` before anything boots: where `after` has a name that is not in the group or members come after each
 * other in a circle, two have one health port, a service is there twice, or the list is empty.
 */
export function launch(group: readonly (Launchable | LaunchMember)[], options?: LaunchOptions): Promise<readonly StopReport[]>;
export function launch(
  given: Launchable | readonly (Launchable | LaunchMember)[],
  options?: LaunchOptions,
): Promise<StopReport | readonly StopReport[]> {
  return rejectingLater<StopReport | readonly StopReport[]>(async () => {
    const session = openSession();
    return Array.isArray(given) ? launchGroup(session, given, options) : launchOne(session, given as Launchable);
  });
}

const launchOne = async ({ running, stopped }: Session, service: Launchable): Promise<StopReport> => {
  const given = construct(service, "launch takes a service, or a function that returns one");
  // `stargazer config` and `manifests` construct what a module launches, and boot nothing
  if (emitLaunched(given, [])) return neverRun();
  const own = reinsOf(given);
  const launched = {
    services: () => [own],
    isStopping: () => isStopping(own.state) || hasStopped(own.state),
    stop: (reason: string | Error) => void own.shutdown(reason),
  };
  running.add(launched);
  notifySystemd([own], launched);
  const unfollow = followPhases(own, announcer());
  try {
    if (stopped !== undefined) launched.stop(stopped);
    const report = await given.runToCompletion();
    announceReport(report);
    noteReport(own, report);
    return report;
  } finally {
    unfollow();
    running.delete(launched);
    endIfLast();
  }
};

const launchGroup = async (
  session: Session,
  list: readonly (Launchable | LaunchMember)[],
  options?: LaunchOptions,
): Promise<readonly StopReport[]> => {
  const members = list.map((given, at) => {
    const { service, after = [], ...others } = memberOf(given);
    return { given: construct(service, `launch takes services, or functions that return one: at ${at}`), after, others };
  });
  if (members.map(({ given, after }) => emitLaunched(given, after)).includes(true)) return neverRun();
  // keeps the session open while the code of a group is loaded; a stop that comes meanwhile is the session's
  const loading = { services: () => [], isStopping: () => false, stop: () => {} };
  session.running.add(loading);
  try {
    const { runGroup } = await import("./launch/group.ts");
    return await runGroup(session, members, options);
  } finally {
    session.running.delete(loading);
    endIfLast();
  }
};

const memberOf = (given: Launchable | LaunchMember): LaunchMember => {
  const isMember = typeof given === "object" && given !== null && "service" in given && !isService(given);
  return isMember ? given : { service: given as Launchable };
};

const neverRun = (): Promise<never> => {
  closeIfLast();
  return new Promise(() => {});
};

const construct = (service: Launchable, wanted: string): StargazerService => {
  const isFactory = typeof service === "function" && !isClass(service);
  try {
    const given: unknown = isFactory ? service() : service;
    return demandService(given, wanted);
  } catch (error) {
    endIfLast();
    if (!isFactory || !(error instanceof StargazerError) || error.code !== "SG_ERR_CONFIG_INVALID") throw error;
    // the warning of the process comes in a later turn, which there is not
    const unknown = unknownVariables();
    if (unknown.length > 0) writeLastLine(unknownInEnvironment(unknown));
    writeLastLine(`${error.code}: ${error.message}`);
    writeTermination(`${error.code}: ${error.message}`);
    return exit(wrongConfiguration);
  }
};
