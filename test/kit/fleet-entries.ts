/** Entries of the registry and of the journal, as the parts of one fleet write them. */
import type { LeaseStatus } from "../../machines/index.ts";
import type { JournalEntry, JournalItem } from "../../src/journal/entry.ts";
import type { RegistryEntry } from "../../src/registry/entry.ts";

/** The same of every entry that gives none of its own. */
export interface Instance {
  readonly service: string;
  readonly instance: string;
  readonly boot: string;
  readonly incarnation: number;
  readonly version: string;
}

export const instanceOf = (over: Partial<Instance> = {}): Instance => ({
  service: "orders",
  instance: "orders-1",
  boot: "a1",
  incarnation: 0,
  version: "1.0.0",
  ...over,
});

export const registered = (of: Instance, status: LeaseStatus, since: number): RegistryEntry => ({
  ...of,
  status,
  since,
  startedAt: since,
  host: "10.0.0.1",
  pid: 4242,
  health: null,
  metadata: {},
});

export type Item = JournalItem extends infer One ? (One extends JournalItem ? Omit<One, "at"> : never) : never;

let ids = 0;

/** One message of the journal, in which all happened at `at`. */
export const journaled = (of: Instance, at: number, ...items: readonly Item[]): JournalEntry => {
  ids += 1;
  return { ...of, id: `${at}-${ids}`, at, items: items.map((item) => ({ ...item, at })) as JournalItem[] };
};

export const step = (path: string, event = "done"): Item => ({ kind: "step", path, event });
export const waits = (what: string, deadlineMs: number | null): Item => ({ kind: "waits", what, deadlineMs });
export const began = (phase: string): Item => ({ kind: "began", phase, deadlineMs: null });
export const ready: Item = { kind: "ready", ready: true, reason: "" };
export const notReady = (reason: string): Item => ({ kind: "ready", ready: false, reason });
export const failedFact = (text: string): Item => ({ kind: "fact", type: "failed", level: "error", text });
export const end = (outcome: string, reason: string, failures: readonly string[] = []): Item => ({
  kind: "end",
  outcome,
  reason,
  failures: failures.map((message) => ({ phase: "starting", code: "SG_ERR_START_FAILED", message })),
  steps: { "stopping.unwinding": 12 },
});
export const exited = (over: Partial<Omit<Extract<JournalItem, { kind: "exited" }>, "at" | "kind">> = {}): Item => ({
  kind: "exited",
  exitCode: null,
  signal: "SIGKILL",
  nextTryAt: null,
  tries: 1,
  cause: "",
  ...over,
});
