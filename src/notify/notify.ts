/**
 * Notifies systemd about the services of this process if it has set `NOTIFY_SOCKET`: READY, STATUS, STOPPING, longer deadlines while they
 * boot and stop, and the watchdog. Node has no Unix datagram sockets, so a thread calls `systemd-notify`.
 */
import { Worker } from "node:worker_threads";
import { hasStopped, isOpen, isRunning, isStopping } from "../../machines/phases.ts";
import { bootBudgetMs } from "../../machines/settings.ts";
import { cleanLine } from "../clean.ts";
import { every } from "../clock.ts";
import { fromEnvironment } from "../environment.ts";
import type { StargazerService } from "../service/service.ts";
import { program } from "./thread.ts";

/** ms beside a deadline of the service's own, for the processes of the system */
const marginMs = 5000;

/** characters of a status */
const maxStatus = 1000;

const microseconds = (ms: number): string => String(Math.round(ms) * 1000);

/** ms between two feeds of the watchdog, half of what systemd allows; undefined where it watches another process or none. */
const feedMs = (): number | undefined => {
  const allowed = Number(fromEnvironment("WATCHDOG_USEC") ?? Number.NaN) / 1000;
  const pid = fromEnvironment("WATCHDOG_PID");
  return Number.isFinite(allowed) && allowed > 0 && (pid === undefined || Number(pid) === process.pid) ? allowed / 2 : undefined;
};

/** What one call of `launch` runs. */
interface Notified {
  readonly services: readonly StargazerService[];
  /** whether all of it stops, or has stopped */
  isStopping(): boolean;
}

class Notifier {
  readonly #notified = new Set<Notified>();
  readonly #worker: Worker;
  #last = "";

  constructor() {
    const everyMs = feedMs();
    const beats = new SharedArrayBuffer(4);
    // the thread feeds the watchdog only if this count has grown since its last tick
    if (everyMs !== undefined) every(everyMs / 4, () => Atomics.add(new Int32Array(beats), 0, 1));
    this.#worker = new Worker(program, { eval: true, execArgv: [], name: "notify", workerData: { beats, everyMs } });
    this.#worker.unref();
    // without the thread the deadlines of the unit hold
    this.#worker.on("error", () => {});
  }

  add(notified: Notified): void {
    this.#notified.add(notified);
    const look = () => this.#look();
    for (const service of notified.services) service.actor.subscribe({ next: look, complete: look });
    this.#look();
  }

  #look(): void {
    const notified = [...this.#notified];
    const services = notified.flatMap((own) => own.services);
    const fields = [fieldOf(notified, services), statusOf(services)];
    const message = fields.flat().join("\n");
    if (message === this.#last) return;
    this.#last = message;
    this.#worker.postMessage(fields.flat());
  }
}

const settingsOf = (service: StargazerService) => service.actor.getSnapshot().context.settings;
const longest = (services: readonly StargazerService[], msOf: (service: StargazerService) => number): string =>
  `EXTEND_TIMEOUT_USEC=${microseconds(Math.max(...services.map(msOf)) + marginMs)}`;
const isEnding = ({ state }: StargazerService): boolean => isStopping(state) || hasStopped(state);

/** READY once all of them run, STOPPING once all of them stop, and until then the longest deadline among their own. */
const fieldOf = (notified: readonly Notified[], services: readonly StargazerService[]): string[] => {
  if (notified.every((own) => own.isStopping()))
    return ["STOPPING=1", longest(services, (service) => settingsOf(service).shutdownTimeoutMs)];
  if (services.every((service) => isRunning(service.state) || isEnding(service))) return ["READY=1"];
  return [longest(services, (service) => bootBudgetMs(settingsOf(service)))];
};

/** One line: what stands on a second one is an assignment to systemd, and a long argument, or one with a zero in it, starts no process. */
const statusOf = (services: readonly StargazerService[]): string => {
  const phases = services.map((service) => shownPhase(service, services.length > 1)).join(", ");
  return `STATUS=${cleanLine(phases).slice(0, maxStatus)}`;
};

/** The state and step of a service: `starting.tools`. */
const shownPhase = (service: StargazerService, isNamed: boolean): string => {
  const phase = service.status().phases.findLast(isOpen)?.phase ?? service.state;
  return isNamed ? `${service.serviceName} ${phase}` : phase;
};

let notifier: Notifier | undefined;

/** Notifies systemd from now on about services that were launched together. Does not keep the process alive; never throws. */
export const notify = (services: readonly StargazerService[], { isStopping }: Pick<Notified, "isStopping">): void => {
  notifier ??= new Notifier();
  notifier.add({ services, isStopping });
};
