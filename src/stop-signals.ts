/** The signals that ask a process to end: the first one is a shutdown, a further one forces the exit only where a person sent it. */
import { constants } from "node:os";
import { every } from "./clock.ts";
import { leadsTerminal } from "./foreground.ts";
import type { StopSignal } from "./process.ts";
import { onSignals } from "./process.ts";

/** ms of the process's own running time after which a repetition is no longer a supervisor's */
const patienceMs = 1000;
/** ms; running time is counted in these */
const beatMs = 50;

/** The keys of a terminal: Ctrl-C, Ctrl-\, Ctrl-Break. */
const keys: readonly StopSignal[] = ["SIGINT", "SIGQUIT", "SIGBREAK"];

/** What is sent by a terminal that closes, by nodemon at each change of a file, and by LXC: never to force anything. */
const automatic: readonly StopSignal[] = ["SIGHUP", "SIGUSR2", "SIGPWR"];

export interface StopHandlers {
  /** called once, at the first signal */
  stop(signal: StopSignal): void;
  /** called at each further signal that a person sent */
  force(signal: StopSignal): void;
}

/**
 * Calls the handlers until the returned function is called. What a supervisor, a package manager or a container runtime repeats
 * is ignored, however late a starved process gets it. A person's are: a key of the terminal whose foreground group this process
 * leads, and SIGTERM or a key more than a second of running time after the first, unless code of this process sends it: libraries that clean
 * up at a signal, terminus for example, send it again when they are done.
 */
export const onStopSignals = ({ stop, force }: StopHandlers): (() => void) => {
  let running: RunningTime | undefined;
  const raised = noteRaised();
  const isPersons = (signal: StopSignal, sinceFirst: RunningTime, isRaised: boolean): boolean =>
    !automatic.includes(signal) && ((!isRaised && sinceFirst.ms() > patienceMs) || (keys.includes(signal) && leadsTerminal()));
  const unsubscribe = onSignals((signal) => {
    const isRaised = raised.take(signal);
    if (running === undefined) {
      running = measureRunningTime();
      stop(signal);
    } else if (isPersons(signal, running, isRaised)) force(signal);
  });
  return () => {
    unsubscribe();
    raised.end();
    running?.end();
  };
};

interface Raised {
  /** Whether code of this process has sent `signal`, which now arrives. */
  take(signal: StopSignal): boolean;
  end(): void;
}

/** Notes the signals that code of this process sends it by `process.kill`; the kernel does not name the sender to Node. */
const noteRaised = (): Raised => {
  const { kill } = process;
  const raised = new Set<string | number>();
  const noting: typeof kill = (pid, signal = "SIGTERM") => {
    const isSent = kill.call(process, pid, signal);
    if (pid === process.pid) raised.add(signal);
    return isSent;
  };
  process.kill = noting;
  const end = () => {
    if (process.kill === noting) process.kill = kill;
  };
  return { take: (signal) => [signal, constants.signals[signal]].some((one) => raised.delete(one)), end };
};

interface RunningTime {
  /** Never more than the time that has passed, and less by each time that the event loop did not turn. */
  ms(): number;
  end(): void;
}

/** Counts beats of the event loop: one that was paused, starved or blocked makes one of many, so that time does not count. */
const measureRunningTime = (): RunningTime => {
  let beats = 0;
  const end = every(beatMs, () => {
    beats += 1;
  });
  return { ms: () => beats * beatMs, end };
};
