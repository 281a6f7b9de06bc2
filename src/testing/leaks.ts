/**
 * What a piece of code leaves behind in this process. A handle belongs to the asynchronous context that made it, so other work in
 * the process, a test runner's for example, is never counted; each handle knows the line that made it.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { fileURLToPath } from "node:url";
import { systemClock } from "../clock.ts";
import { eventually } from "./within.ts";

/** What keeps a process alive: its name in `async_hooks`, and its name in a report. */
const words: Readonly<Record<string, string>> = {
  Timeout: "a timer",
  Immediate: "an immediate",
  MESSAGEPORT: "a message port",
  TCPWRAP: "a socket",
  TCPSERVERWRAP: "a listening socket",
  PIPEWRAP: "a pipe or unix socket",
  PIPESERVERWRAP: "a listening unix socket",
  UDPWRAP: "a UDP socket",
  PROCESSWRAP: "a child process",
  FSEVENTWRAP: "a file watcher",
  STATWATCHER: "a file watcher",
  WORKER: "a worker thread",
  SIGNALWRAP: "a signal handler",
  FSREQCALLBACK: "a file request",
  FSREQPROMISE: "a file request",
  FILEHANDLECLOSEREQ: "a file request",
  GETADDRINFOREQWRAP: "a name lookup",
  GETNAMEINFOREQWRAP: "a name lookup",
  QUERYWRAP: "a name lookup",
  PBKDF2REQUEST: "a crypto request",
  SCRYPTREQUEST: "a crypto request",
  RANDOMBYTESREQUEST: "a crypto request",
  KEYPAIRGENREQUEST: "a crypto request",
  SIGNREQUEST: "a crypto request",
  VERIFYREQUEST: "a crypto request",
  CIPHERREQUEST: "a crypto request",
  HASHREQUEST: "a crypto request",
  DERIVEBITSREQUEST: "a crypto request",
};
/** A request is over when it has called back, though its object lives until the next garbage collection. */
const requests: ReadonlySet<string> = new Set(Object.keys(words).filter((type) => /REQ|QUERY/.test(type)));

/** ms without an open handle and without a new one; a shorter time would miss a loop between two of its turns */
const quietMs = 50;

interface Handle {
  readonly type: string;
  readonly where: string;
  readonly site: string;
  /** a handle, a timer with its mark that it has fired or was cleared, or a crypto job with what it calls at its end */
  readonly resource: { hasRef?(): boolean; unref?(): unknown; _destroyed?: boolean; ondone?: unknown };
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

/** A crypto job that calls nothing at its end was run at once, and its object lives until the next garbage collection. */
const isOver = ({ type, resource }: Handle): boolean => words[type] === "a crypto request" && resource.ondone === undefined;

const isOpen = (handle: Handle): boolean =>
  handle.resource._destroyed !== true && (handle.resource.hasRef?.() ?? true) && !isOver(handle);

const inWords = ({ type, where, site }: Handle): string => `${words[type]} made in ${where}${site === "" ? "" : ` (${site})`}`;

export class LeakWatch {
  readonly #handles = new Map<number, Handle>();
  #newest: Handle | undefined;
  #madeAt = Number.NEGATIVE_INFINITY;
  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      const here = place.getStore();
      if (here?.watch !== this || words[type] === undefined) return;
      this.#newest = { type, where: here.where, site: callSite(), resource };
      this.#madeAt = systemClock.now();
      this.#handles.set(id, this.#newest);
    },
    after: (id) => {
      if (requests.has(this.#handles.get(id)?.type ?? "")) this.#handles.delete(id);
    },
    destroy: (id) => void this.#handles.delete(id),
  });

  constructor() {
    this.#hook.enable();
  }

  /** Runs `work`; the handles that it makes, now or later, belong to `where`. */
  within<T>(where: string, work: () => T): T {
    return place.run({ watch: this, where }, work);
  }

  /** The `where` that the calling code belongs to; undefined for other work in the process. */
  get where(): string | undefined {
    const here = place.getStore();
    return here?.watch === this ? here.where : undefined;
  }

  /** The handles that are still open, or made again and again, after at most `settleMs`: each as `a timer made in onStart (file)`. */
  async left(settleMs: number): Promise<string[]> {
    const isQuiet = () => this.#open().length === 0 && systemClock.now() - this.#madeAt > quietMs;
    if (await eventually(Math.max(settleMs, 2 * quietMs), isQuiet)) return [];
    const open = this.#open();
    return open.length > 0 ? open.map(inWords) : [`${inWords(this.#newest!)}, again and again`];
  }

  /** Ends the watch and unrefs what is left, so that a test runner can end. Legal any number of times. */
  stop(): void {
    for (const { resource } of this.#open()) resource.unref?.();
    this.#hook.disable();
    this.#handles.clear();
  }

  #open(): Handle[] {
    return [...this.#handles.values()].filter(isOpen);
  }
}
