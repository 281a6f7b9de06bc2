/** What the process and its supervisor get of a service: each phase, and the report. */
import { isOpen } from "../../machines/phases.ts";
import { fromEnvironment } from "../environment.ts";
import { messageOf } from "../errors.ts";
import { flightFolder } from "../flight/file.ts";
import { warn } from "../logger.ts";
import { announce, announceName, isSupervised, setExitCode } from "../process.ts";
import type { StargazerService } from "../service/service.ts";
import type { StopReport } from "../service/types.ts";
import { writeTermination } from "../termination.ts";

/** Sends a supervisor, if there is one, a phase, unless it is the one that was sent last. */
export const announcer = (): ((phase: string) => void) => {
  // equivalent mutant: no phase has this name
  let sent = "";
  return (phase) => {
    if (phase !== sent) announce(phase);
    sent = phase;
  };
};

const nothing = (): void => {};

/**
 * Where there is a supervisor, sends it the names of the service, and calls `onPhase` after each transition with its phase, a tier's own
 * included, until the returned function is called.
 */
export const followPhases = (own: StargazerService, onPhase: (phase: string) => void): (() => void) => {
  if (!isSupervised()) return nothing;
  announceName(own.serviceName, own.instanceId);
  const subscription = own.actor.subscribe(() => {
    // accepted mutant: an observer that throws is contained, and the report names the last phase
    onPhase(own.status().phases.findLast(isOpen)?.phase ?? own.state);
  });
  return () => subscription.unsubscribe();
};

/** Notifies systemd about services that were launched together, if it has set `NOTIFY_SOCKET`; elsewhere nothing is loaded. Never throws. */
export const notifySystemd = (services: readonly StargazerService[], launched: { isStopping(): boolean }): void => {
  if (fromEnvironment("NOTIFY_SOCKET") === undefined) return;
  import("../notify/notify.ts")
    .then(({ notify }) => notify(services, launched))
    .catch((error) => warn(`systemd is not notified: ${messageOf(error)}`));
};

/** The first cause in one line: `orders: SG_ERR_RUN_FAILED run failed: …`. */
export const causeLine = (service: string, { code, message }: { readonly code: string; readonly message: string }): string =>
  `${service}: ${code} ${message}`;

/** The process gets the exit code; of a failure the flight recording is written, and the `cause` where Kubernetes shows it. */
export const noteReport = (own: StargazerService, report: StopReport, cause?: string): void => {
  const { outcome, reason, error, exitCode } = report;
  if (outcome === "failed") {
    own.saveFlight(flightFolder());
    writeTermination(cause ?? causeLine(own.serviceName, { code: error?.code ?? "", message: error?.message ?? reason }));
  }
  setExitCode(exitCode);
};
