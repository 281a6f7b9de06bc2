import { curves } from "./scenarios/growth.mjs";

/** n log n has 1.13 from a thousand to ten thousand */
const exponentMost = 1.2;

/** The aims: `of` against `per` (a ratio inside each round) or alone, `most` or `least`. A title stands for one target only. */
const grouped = {
  boot: [
    { scenario: "cold", metric: "coldMs", of: "ours", per: "fastify", most: 0.75, what: "cold start of a service, beside (b)" },
    { scenario: "cold", metric: "coldMs", of: "bundled", per: "fastify", most: 0.6, what: "cold start, bundled, beside (b)" },
    { scenario: "cold", metric: "coldMs", of: "tier", per: "fastify", most: 0.55, what: "cold start of a CLI tier, beside (b)" },
    { scenario: "cold", metric: "coldMs", of: "tier", per: "node-http", most: 1, what: "cold start of a CLI tier, beside (a)" },
    { scenario: "cold", metric: "startToReadyMs", of: "ours", per: "fastify", most: 0.5, what: "start to ready, after imports" },
    { scenario: "trips", metric: "bootTrips", of: "ours", most: 2, what: "serial Redis round trips to ready" },
    { scenario: "trips", metric: "slowBootMs", of: "ours", per: "node-http", most: 0.6, what: "boot at 100 ms a round trip" },
  ],
  stop: [
    { scenario: "cold", metric: "idleStopMs", of: "ours", per: "node-http", most: 1.2, what: "idle SIGTERM to exit" },
    { scenario: "trips", metric: "stopTrips", of: "ours", most: 1, what: "serial Redis round trips at stop" },
    { scenario: "shutdown", metric: "loadedStopMs", of: "web", per: "node-http", most: 1.05, what: "loaded SIGTERM to exit" },
    { scenario: "shutdown", metric: "lost", of: "web", most: 0, what: "requests lost" },
  ],
  "memory and probes": [
    { scenario: "cold", metric: "peakRssMb", of: "ours", per: "fastify", most: 1, what: "peak RSS" },
    { scenario: "memory", metric: "idleRssMb", of: "ours", per: "fastify", most: 1, what: "idle RSS" },
    { scenario: "health", metric: "liveRps", of: "ours", per: "fastify", least: 1, what: "/healthz requests a second" },
    { scenario: "health", metric: "readyRps", of: "ours", per: "fastify", least: 1, what: "/readyz requests a second" },
    { scenario: "health", metric: "liveCpuUs", of: "ours", per: "fastify", most: 1, what: "/healthz processor time" },
    { scenario: "health", metric: "readyCpuUs", of: "ours", per: "fastify", most: 1, what: "/readyz processor time" },
    { scenario: "block", metric: "liveAnswered", of: "ours", least: 8, what: "probes answered while blocked for 3 s" },
    {
      scenario: "lifecycle",
      metric: "lifeCpuUs",
      of: "a service",
      per: "the bare chart",
      most: 1.5,
      what: "processor time of a life",
    },
    { scenario: "lifecycle", metric: "runningKiB", of: "the bare chart", most: 12, what: "KiB of each of 10,000 running charts" },
    {
      scenario: "inspect",
      metric: "inspectedLifeCpuUs",
      of: "off",
      per: "none",
      most: 1.02,
      what: "processor time of a life, inspector off",
    },
    { scenario: "light", metric: "lightMs", of: "p50", most: 50, what: "inspector: arrow to light, p50, ms" },
    { scenario: "light", metric: "lightMs", of: "p99", most: 250, what: "inspector: arrow to light, p99, ms" },
    { scenario: "packages", metric: "packages", of: "ours", most: 75, what: "packages installed" },
  ],
  registry: [
    {
      scenario: "list",
      metric: "oneServiceMs",
      of: "ours, among others",
      per: "ours, alone",
      most: 1.3,
      what: "list 1 service among 1,000, beside it alone",
    },
    {
      scenario: "list",
      metric: "oneServiceMs",
      of: "SCAN COUNT 1000, among others",
      per: "ours, among others",
      least: 100,
      what: "list 1 service: SCAN, beside the index",
    },
    { scenario: "list", metric: "fleetMs", of: "ours, alone", most: 80, what: "list a fleet of 10,000, ms" },
    {
      scenario: "list",
      metric: "fleetMs",
      of: "ours, alone",
      per: "ZRANGE + MGET, alone",
      most: 1.3,
      what: "list a fleet of 10,000, beside ZRANGE + MGET",
    },
    {
      scenario: "storm",
      metric: "p99Ms",
      of: "no jitter",
      per: "0-2 s jitter",
      least: 20,
      what: "boot storm: p99 without jitter, beside with",
    },
    { scenario: "storm", metric: "peakPerSecond", of: "0-2 s jitter", most: 8000, what: "boot storm: registrations a second" },
    { scenario: "beat", metric: "beatCpuUs", of: "our beat", most: 15, what: "Redis processor time of a beat, µs" },
    // the aim of 15 µs as a ratio: PEXPIRE took 6 µs where it was set
    {
      scenario: "beat",
      metric: "beatCpuUs",
      of: "our beat",
      per: "PEXPIRE",
      most: 2.5,
      what: "Redis processor time of a beat, beside PEXPIRE",
    },
    { scenario: "beat", metric: "entryBytes", of: "our entry", most: 800, what: "Redis memory of an entry of 300 bytes, bytes" },
    {
      scenario: "journal",
      metric: "journalUs",
      of: "with the journal",
      most: 150,
      what: "journal: Redis processor time of a life, µs",
    },
    {
      scenario: "journal",
      metric: "journalBytes",
      of: "with the journal",
      most: 6144,
      what: "journal: bytes of a life in Redis",
    },
    ...[
      ["startToReadyMs", "start to ready"],
      ["idleStopMs", "idle stop"],
      ["idleRssMb", "idle memory"],
    ].map(([metric, what]) => ({
      scenario: "journal",
      metric,
      of: "with the journal",
      per: "SG_JOURNAL=0",
      most: 1.02,
      what: `journal: ${what}, beside without it`,
    })),
    {
      scenario: "journal",
      metric: "livesPerSecond",
      of: "with the journal",
      per: "SG_JOURNAL=0",
      least: 0.98,
      what: "journal: lives a second, beside without it",
    },
    { scenario: "watch", metric: "crashSeenMs", of: "our watch", most: 1000, what: "crash seen, ms after the TTL" },
    { scenario: "watch", metric: "cleanStopSeenMs", of: "our watch", most: 100, what: "clean stop seen, ms" },
    { scenario: "watch", metric: "falselySeen", of: "our watch", most: 0, what: "stops seen that were none" },
  ],
  "a slow core and growth": [
    {
      scenario: "slow",
      metric: "coldMs 0.25",
      of: "ours",
      per: "fastify",
      most: 0.85,
      what: "a quarter of a core: cold start, beside (b)",
    },
    {
      scenario: "slow",
      metric: "coldMs 0.25",
      of: "tier",
      per: "fastify",
      most: 0.65,
      what: "a quarter of a core: CLI tier, beside (b)",
    },
    {
      scenario: "slow",
      metric: "stopMs 0.25",
      of: "ours",
      per: "node-http",
      most: 1.2,
      what: "a quarter of a core: idle stop, beside (a)",
    },
    ...Object.entries(curves).map(([name, { what }]) => ({
      scenario: "growth",
      metric: "exponent",
      of: name,
      most: exponentMost,
      what: `exponent: ${what}`,
    })),
  ],
};

/** The groups of the targets, in the order in which they are shown. */
export const groups = Object.keys(grouped);

export const targets = Object.entries(grouped).flatMap(([group, list]) => list.map((target) => ({ ...target, group })));

/** The figures of one target and whether it is held; undefined where it was not measured. */
export const judge = ({ metric, of, per, most, least }, samples) => {
  const reached = per === undefined ? samples.alone(metric, of) : samples.ratio(metric, of, per);
  if (!Number.isFinite(reached.median)) return undefined;
  return { ...reached, held: most === undefined ? reached.median >= least : reached.median <= most };
};
