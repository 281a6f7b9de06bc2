/** Fleets to look at: one that is well, one in trouble, and large ones. */
import type { Row, RowPhase } from "../../src/instances/row.ts";
import type { WireOverview } from "../../src/tiers/web/wire.ts";
import type { Life, Part } from "./fleet-scene.ts";
import { modelBoot, quickBoot, sceneRow } from "./fleet-scene.ts";

const hour = 3_600_000;
const cause = "starting.model.load: EACCES: permission denied, open '/models/v4/weights.bin'";
const running = (ms: number): Part => ["running", ms];

/** The phases of a boot that ran, in order: what each was, and its ms; null while it lasts. */
export const phasesOf = (
  from: number,
  phases: readonly (readonly [phase: string, at: number, ms: number | null])[],
): RowPhase[] => phases.map(([phase, at, ms]) => ({ phase, startedAt: from + at, ms, outcome: ms === null ? "" : "done" }));

const steady = (now: number, service: string, instance: string, version: string, forMs: number, more: Partial<Row> = {}): Row =>
  sceneRow(now, service, instance, [{ version, parts: [...quickBoot, running(forMs)] }], more);

/** An old boot that stops in time, then one of the next release, so long ago. */
const rolled = (
  now: number,
  service: string,
  instance: string,
  agoMs: number,
  boot: readonly Part[] = quickBoot,
  more: Partial<Row> = {},
): Row => {
  const old: Life = {
    version: "3.0.2",
    parts: [...quickBoot, running(hour), ["stopping", 5000]],
    end: { mark: "ended", outcome: "shutdown", pauseMs: 800 },
  };
  const took = boot.reduce((sum, [, ms]) => sum + ms, 0);
  return sceneRow(
    now,
    service,
    instance,
    [old, { version: "3.1.0", parts: [...boot, running(Math.max(1000, agoMs - took))] }],
    more,
  );
};

export const crashLoop = (now: number, service: string, instance: string): Row => {
  const old: Life = {
    version: "3.0.2",
    parts: [...quickBoot, running(4_000_000), ["stopping", 6000]],
    end: { mark: "ended", outcome: "shutdown", pauseMs: 3000 },
  };
  const tries = [13, 18, 24, 34, 44, 52].map(
    (pauseS): Life => ({
      version: "3.1.0",
      parts: [
        ["jitter", 1000],
        ["pinging", 300],
        ["starting", 14_000],
        ["stopping", 600],
      ],
      end: { mark: "died", outcome: "failed", cause, pauseMs: pauseS * 1000 },
    }),
  );
  return sceneRow(
    now,
    service,
    instance,
    [
      old,
      ...tries,
      {
        version: "3.1.0",
        parts: [
          ["jitter", 1000],
          ["pinging", 300],
          ["starting", 3900],
        ],
      },
    ],
    {
      path: "starting.model.load",
      waits: { what: "the tier's onStart", until: now + 56_000, totalMs: 60_000 },
      ready: false,
      reason: "starting",
      lease: { state: "none", until: null },
      parent: { exitCode: 1, signal: null, nextTryAt: null, tries: 6 },
      phases: phasesOf(now - 5200, [
        ["jitter", 0, 1000],
        ["pinging", 1000, 300],
        ["starting.tools", 1320, 310],
        ["starting.model.load", 1630, null],
      ]),
      moments: [
        { at: now - 72_000, text: "jitter → pinging → starting", level: "info" },
        { at: now - 71_700, text: "starting.tools began", level: "info" },
        { at: now - 71_400, text: "starting.tools done in 310 ms", level: "info" },
        { at: now - 71_400, text: "starting.model.load began", level: "info" },
        {
          at: now - 57_000,
          text: "SG_ERR_START_FAILED in starting.model.load: EACCES: permission denied, open '/models/v4/weights.bin'",
          level: "error",
        },
        { at: now - 56_900, text: "starting → stopping → stopped, exit code 1", level: "warn" },
        { at: now - 5200, text: "boot 18 began", level: "info" },
        { at: now - 3900, text: "starting.model.load began", level: "info" },
      ],
    },
  );
};

/** Not ready in `running`, for so long. */
export const unready = (now: number, row: Row, forMs: number, reason: string): Row => {
  const last = row.lane.at(-1)!;
  const from = now - forMs;
  const lane = [...row.lane.slice(0, -1), { ...last, to: from }, { ...last, from, ready: false, mark: "none" as const }];
  return { ...row, lane, ready: false, reason };
};

/** Killed: its lease ended so long ago, 15 s after its last sign of life. */
export const gone = (now: number, service: string, instance: string, agoMs: number): Row => {
  const row = sceneRow(now, service, instance, [
    {
      version: "3.0.2",
      parts: [...quickBoot, running(4_400_000)],
      end: { mark: "died", outcome: "expired", cause: "its lease expired", pauseMs: agoMs },
    },
  ]);
  const at = now - agoMs;
  const lane = row.lane.map((span) =>
    span.state === "running" ? { ...span, to: at - 15_000 } : span.state === "gone" ? { ...span, to: null } : span,
  );
  const end = lane.pop()!;
  const unknown = { ...end, state: "unknown" as const, from: at - 15_000, to: at, mark: "none" as const };
  return {
    ...row,
    kind: "expired",
    since: at,
    ready: null,
    lease: { state: "lost", until: at },
    end: { outcome: "expired", reason: "", at, steps: {} },
    lane: [...lane, unknown, end],
    moments: [
      { at: at - 31_200, text: "run: batch 8813 merged 412 nodes", level: "info" },
      { at: at - 20_000, text: "beat confirmed", level: "info" },
      { at: at - 15_000, text: "beat confirmed, the last one", level: "warn" },
      { at, text: "its lease expired; it wrote no end", level: "error" },
    ],
  };
};

const stopping = (now: number, service: string, instance: string): Row =>
  sceneRow(now, service, instance, [{ version: "3.0.2", parts: [...quickBoot, running(5_183_000), ["stopping", 12_000]] }], {
    path: "stopping.unwinding",
    waits: { what: "the tier's onStop", until: now + 1900, totalMs: 8000 },
    ready: false,
    reason: "stopping",
    lease: { state: "released", until: null },
    end: null,
    phases: [
      ...phasesOf(now - 5_183_000 - 12_000 - 5300, [
        ["jitter", 0, 1100],
        ["pinging", 1100, 200],
        ["starting", 1300, 3400],
        ["starting.tools", 1310, 900],
        ["starting.model", 2210, 2480],
        ["registering", 4700, 200],
        ["healthy", 4900, 400],
      ]),
      ...phasesOf(now - 12_000, [
        ["stopping.announcing", 0, 120],
        ["stopping.draining", 120, 5800],
        ["stopping.unwinding", 5920, null],
      ]),
    ],
  });

const redisReason = "Redis is not reachable: no answer within 1000 ms, 3 times in a row";

/** Five services that are well. */
export const five = (now: number): Row[] =>
  ["gateway", "inference", "agents", "consolidation", "web"].map((service, at) =>
    steady(now, service, service, "3.0.0", 372_000 - at * 200, {
      host: "vm",
      leads: service === "agents" || service === "consolidation" ? ["jobs"] : [],
    }),
  );

/** Thirty in a rollout that a crash loop holds up. */
export const thirty = (now: number): Row[] => [
  rolled(now, "gateway", "gateway-1", 96_000),
  ...[2, 3].map((n) => steady(now, "gateway", `gateway-${n}`, "3.0.2", 5_000_000 + n * 1000)),
  ...[1, 2, 3, 5, 6, 8, 9].map((n) =>
    rolled(now, "inference", `inference-${n}`, 520_000 - n * 46_000 + (n > 4 ? 46_000 : 0), modelBoot),
  ),
  crashLoop(now, "inference", "inference-4"),
  unready(now, rolled(now, "inference", "inference-7", 240_000, modelBoot), 38_000, redisReason),
  ...[10, 11, 12].map((n) => steady(now, "inference", `inference-${n}`, "3.0.2", 5_000_000 + n * 1000)),
  steady(now, "agents", "agents-1", "3.0.2", 5_300_000, { leads: ["summaries"] }),
  stopping(now, "agents", "agents-2"),
  steady(now, "consolidation", "consolidation-1", "3.0.2", 4_000_000, { leads: ["decay"] }),
  gone(now, "consolidation", "consolidation-2", 197_000),
  rolled(now, "web", "web-1", 230_000),
  ...[2, 3].map((n) => steady(now, "web", `web-${n}`, "3.0.2", 5_000_000)),
  ...[1, 2, 3, 4, 5].map((n) => steady(now, "orders", `orders-${n}`, "1.4.2", 30_000_000 + n * 3_300_000)),
  sceneRow(
    now,
    "orders",
    "orders-6",
    [
      {
        version: "1.4.3",
        parts: [
          ["jitter", 1200],
          ["pinging", 100],
          ["starting", 1100],
        ],
      },
    ],
    {
      path: "starting.schema",
      ready: false,
      reason: "starting",
      waits: { what: "the tier's onStart", until: now + 58_900, totalMs: 60_000 },
      lease: { state: "none", until: null },
    },
  ),
  ...[1, 2].map((n) => steady(now, "billing", `billing-${n}`, "2.2.0", 90_000_000)),
];

/** So many, in a rollout of the largest service. */
export const many = (now: number, count: number): Row[] => {
  const shares = { inference: 0.5, gateway: 0.12, orders: 0.12, agents: 0.1, consolidation: 0.08, billing: 0.06, web: 0.02 };
  const rows = Object.entries(shares).flatMap(([service, share]) =>
    Array.from({ length: Math.round(share * count) }, (_, at) => {
      const n = at + 1;
      const isRolled = service === "inference" && n <= 0.3 * count;
      return isRolled
        ? rolled(now, service, `${service}-${n}`, Math.max(1500, 560_000 * (1 - n / (0.3 * count))), modelBoot)
        : steady(now, service, `${service}-${n}`, "3.0.2", 5_000_000 + n * 1000);
    }),
  );
  const set = (name: string, change: (row: Row) => Row): void => {
    const at = rows.findIndex((row) => row.instance === name);
    if (at !== -1) rows[at] = change(rows[at]!);
  };
  for (const n of [96, 97]) set(`inference-${n}`, () => crashLoop(now, "inference", `inference-${n}`));
  set("inference-31", (row) => unready(now, row, 44_000, redisReason));
  set("gateway-17", (row) => unready(now, row, 9000, "event loop blocked for 4100 ms"));
  set("orders-12", () => gone(now, "orders", "orders-12", 51_000));
  return rows;
};

export const sceneOverview: WireOverview = {
  redisMs: 0.4,
  waiting: 3,
  streams: [
    { stream: "sg:stream:inbound", length: 214, groups: [{ group: "sg:workers", lag: 0, pending: 3, readers: 12 }] },
    { stream: "sg:stream:outbound:webchat", length: 198, groups: [] },
  ],
  deadLetters: {
    count: 2,
    newest: [
      { id: "1795962499186-0", stream: "sg:stream:inbound", attempts: 3, reason: "the model answered 429, three times" },
      { id: "1795962399186-0", stream: "sg:stream:inbound", attempts: 1, reason: "text is empty" },
    ],
  },
  times: [
    {
      service: "inference",
      version: "3.1.0",
      instances: 8,
      boot: { count: 8, p50: 28_400, p95: 31_200 },
      stop: { count: 8, p50: 4300, p95: 5100 },
    },
    {
      service: "inference",
      version: "3.0.2",
      instances: 3,
      boot: { count: 100, p50: 5300, p95: 6100 },
      stop: { count: 41, p50: 4300, p95: 4900 },
    },
    { service: "gateway", version: "3.0.2", instances: 2, boot: { count: 12, p50: 5300, p95: 5900 }, stop: null },
  ],
};
