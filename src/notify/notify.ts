/**
 * Notifies systemd about the services of this process if it has set `NOTIFY_SOCKET`: READY, STATUS, STOPPING, longer deadlines while they
 * boot and stop, and the watchdog. Node has no Unix datagram sockets, so a thread calls `systemd-notify`.
 */
import { Worker } from "node:worker_threads";
import { hasStopped, isOpen, isRunning, isStopping } from "../../machines/phases.ts";
import { bootBudgetMs } from "../../machines/settings.ts";
import { cleanLine } from "../clean.ts";
import { every, quietClock } from "../clock.ts";
import { fromEnvironment } from "../environment.ts";
import { warn } from "../logger.ts";
import type { StargazerService } from "../service/service.ts";
import { program } from "./thread.ts";

/** ms beside a deadline of the service's own, for the processes of the system */
const marginMs = 5000;

/** characters of a status */
const maxStatus = 1000;

/** ms from a message to one that differs in its status alone, since each is a process of its own */
const statusEveryMs = 1000;

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
  #field = "";
  #last = "";
  /** runs for `statusEveryMs` from each message */
  #pace: unknown;

  constructor() {
    const everyMs = feedMs();
    const beats = new SharedArrayBuffer(4);
    // the thread feeds the watchdog only if this count has grown since its last tick
    if (everyMs !== undefined) every(everyMs / 4, () => Atomics.add(new Int32Array(beats), 0, 1));
    this.#worker = new Worker(program, { eval: true, execArgv: [], name: "notify", workerData: { beats, everyMs } });
    // without the thread the deadlines of the unit hold
    this.#worker.once("message", warnOf).on("error", () => {});
    // last: a listener of messages keeps the process alive again
    this.#worker.unref();
  }

  add(notified: Notified): void {
    this.#notified.add(notified);
    const look = () => this.#look();
    for (const service of notified.services) service.actor.subscribe({ next: look, complete: look });
    this.#look();
  }

  /** A status alone waits for the end of the pace, which looks again: the phases of a job may change a thousand times a second. */
  #look(): void {
    const notified = [...this.#notified];
    const services = notified.flatMap((own) => own.services);
    const fields = fieldOf(notified, services);
    if (fields.join() === this.#field && this.#pace !== undefined) return;
    const message = [...fields, statusOf(services)];
    if (message.join() === this.#last) return;
    this.#field = fields.join();
    this.#last = message.join();
    this.#worker.postMessage(message);
    this.#restartPace();
  }

  #restartPace(): void {
    quietClock.clearTimeout(this.#pace);
    this.#pace = quietClock.setTimeout(() => {
      this.#pace = undefined;
      this.#look();
    }, statusEveryMs);
  }
}

/** A unit of `Type=notify` waits for READY until it is killed, so why it never comes has to be in its log. */
const warnOf = (reason: string): void => {
  const isMissing = reason === "ENOENT";
  const advice =
    "Without it a unit of Type=notify is never ready: install it (Debian: package systemd), or use Type=exec, for a container of podman --sdnotify=conmon.";
  warn(`systemd is not notified: systemd-notify ${isMissing ? `is not on the PATH. ${advice}` : `failed: ${reason}`}`);
};

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

/**
 * Notifies systemd from now on about services that were launched together. Does not keep the process alive. Throws where no thread can be
 * started: Node's permission model may forbid it.
 */
export const notify = (services: readonly StargazerService[], { isStopping }: Pick<Notified, "isStopping">): void => {
  notifier ??= new Notifier();
  notifier.add({ services, isStopping });
};
