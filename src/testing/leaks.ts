/**
 * What a piece of code left behind in this process. Handles are told apart by the asynchronous context they were made in, so that
 * other work in the process, a test runner's for example, is never blamed; and each knows the line that made it.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { fileURLToPath } from "node:url";
import { eventually } from "./within.ts";

/** What keeps a process alive, by its name in `async_hooks`, and as people call it. */
const words: Readonly<Record<string, string>> = {
  Timeout: "a timer",
  TCPWRAP: "a socket",
  TCPSERVERWRAP: "a listening socket",
  PIPEWRAP: "a pipe",
  PIPESERVERWRAP: "a listening pipe",
  UDPWRAP: "a UDP socket",
  PROCESSWRAP: "a child process",
  FSEVENTWRAP: "a file watcher",
  STATWATCHER: "a file watcher",
  WORKER: "a worker thread",
  SIGNALWRAP: "a signal handler",
};

interface Handle {
  readonly type: string;
  readonly where: string;
  readonly site: string;
  /** a handle, or a timer with its mark that it has fired or was cleared */
  readonly resource: { hasRef?(): boolean; _destroyed?: boolean };
}

interface Place {
  readonly watch: LeakWatch;
  readonly where: string;
}

const place = new AsyncLocalStorage<Place>();
const ours = fileURLToPath(new URL("../..", import.meta.url));
const inOurs = ["src/", "machines/", "dist/", "node_modules/"].map((folder) => `${ours}${folder}`);
const isForeign = (line: string): boolean =>
  /[/\\]|file:/.test(line) &&
  !line.includes("node:") &&
  !line.includes("node_modules") &&
  !inOurs.some((own) => line.includes(own));

/** The first line of the stack that is neither Node's, nor a dependency's, nor Stargazer's: `my-tier.js:12:5`. */
const callSite = (): string => {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const lines = new Error().stack?.split("\n").slice(3) ?? [];
  Error.stackTraceLimit = limit;
  return lines.find(isForeign)?.match(/([^/\\(]+:\d+:\d+)\)?$/)?.[1] ?? "";
};

export class LeakWatch {
  readonly #handles = new Map<number, Handle>();
  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      const here = place.getStore();
      if (here?.watch !== this || words[type] === undefined) return;
      this.#handles.set(id, { type, where: here.where, site: callSite(), resource });
    },
    destroy: (id) => void this.#handles.delete(id),
  });

  constructor() {
    this.#hook.enable();
  }

  /** Runs `work`; what it makes, now or later, is put down to `where`. */
  within<T>(where: string, work: () => T): T {
    return place.run({ watch: this, where }, work);
  }

  /** What is still open and keeps the process alive after `settleMs` at most, in words that name who made it. */
  async left(settleMs: number): Promise<string[]> {
    await eventually(settleMs, () => this.#open().length === 0);
    return this.#open().map(({ type, where, site }) => `${words[type]} made in ${where}${site === "" ? "" : ` (${site})`}`);
  }

  /** Watches no more. Legal any number of times. */
  stop(): void {
    this.#hook.disable();
    this.#handles.clear();
  }

  #open(): Handle[] {
    return [...this.#handles.values()].filter(({ resource }) => resource._destroyed !== true && (resource.hasRef?.() ?? true));
  }
}
