/** A process in the hands of a test: its listeners, the last lines it wrote, its messages to the supervisor, and how it was ended. */
export const listeners = {
  signal: new Set<(s: string) => void>(),
  uncaught: new Set<(e: unknown) => void>(),
  gone: new Set<(reason: string) => void>(),
  exit: new Set<() => void>(),
};
export const lastLines: string[] = [];
export const announced: unknown[] = [];
export const state = {
  exited: [] as number[],
  code: 0,
  held: 0,
  released: 0,
  leadsTerminal: false,
  kept: undefined as string | undefined,
  isSupervised: true,
};

const listening = (set: Set<unknown>) => (handler: unknown) => {
  set.add(handler);
  return () => void set.delete(handler);
};

/** Stands for `src/process.ts`. */
export const processInHand = {
  onSignals: listening(listeners.signal as Set<unknown>),
  onUncaught: listening(listeners.uncaught as Set<unknown>),
  onExit: listening(listeners.exit as Set<unknown>),
  onParentEnds: listening(listeners.gone as Set<unknown>),
  holdOpen: () => {
    state.held += 1;
    return () => void (state.held -= 1);
  },
  releaseChannel: async () => void (state.released += 1),
  emitLaunched: () => false,
  keptSignal: () => state.kept,
  announce: (phase: string) => void announced.push(phase),
  announceName: () => {},
  isSupervised: () => state.isSupervised,
  announceReport: ({ outcome }: { outcome: string }) => void announced.push({ outcome }),
  setExitCode: (code: number) => void (state.code = Math.max(state.code, code)),
  exitCode: () => state.code,
  exit: (code: number) => {
    state.exited.push(code);
    throw new Error("the process has ended");
  },
  writeLastLine: (line: string) => void lastLines.push(line),
  openResources: () => ["Timeout", "TCPSocketWrap × 2"],
  signalExitCode: () => 143,
  writeOut: () => {},
};

/** For `beforeEach`: as a process begins. The exit listeners of a module stay. */
export const resetProcess = (): void => {
  for (const list of [lastLines, announced, state.exited]) list.length = 0;
  Object.assign(state, { code: 0, released: 0, leadsTerminal: false, kept: undefined, isSupervised: true });
};

export const signal = (name = "SIGTERM"): void => {
  for (const handler of listeners.signal) handler(name);
};
export const uncaught = (error: unknown): void => {
  for (const handler of listeners.uncaught) handler(error);
};
export const hasNoListener = (): boolean =>
  [listeners.signal.size, listeners.uncaught.size, listeners.gone.size, listeners.exit.size, state.held].every(
    (count) => count === 0,
  );
