/** Rows of instances, as the model of the fleet has them. */
import type { Boot, Row } from "../../src/instances/row.ts";

/** An instance that runs, but for what is given. */
export const rowWith = (own: Partial<Row> = {}): Row => ({
  ...{
    service: "orders",
    instance: "a",
    name: "orders:a",
    kind: "living",
    version: "1.0.0",
    incarnation: 1,
    boot: "ab",
    host: "h",
    pid: 7,
  },
  ...{ startedAt: 0, state: "running", path: "running", since: 0, waits: null, ready: true, reason: "" },
  ...{
    lease: { state: "held", until: null },
    leads: [],
    failures: [],
    end: null,
    parent: null,
    lane: [],
    boots: [],
    phases: [],
    moments: [],
  },
  ...own,
});

/** A boot that has ended with a failure. */
export const failedBoot = (code: string, endedAt: number): Boot => ({
  ...{ boot: "cd", version: "1.0.0", startedAt: 0, readyAt: null, endedAt, stopMs: 1, outcome: "failed", cause: "trouble", code },
});
