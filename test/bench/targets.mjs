/** What is aimed at: `of` against `per` (a ratio inside each round) or alone; `most` or `least`. */
export const targets = [
  { scenario: "cold", metric: "coldMs", of: "ours", per: "fastify", most: 0.85, what: "cold start of a user's service" },
  { scenario: "cold", metric: "coldMs", of: "tier", per: "fastify", most: 0.65, what: "cold start of a CLI tier" },
  { scenario: "cold", metric: "coldMs", of: "tier", per: "node-http", most: 1.2, what: "cold start of a CLI tier" },
  { scenario: "cold", metric: "startToReadyMs", of: "ours", per: "fastify", most: 0.5, what: "start to ready, after imports" },
  { scenario: "cold", metric: "idleStopMs", of: "ours", per: "node-http", most: 1.2, what: "idle SIGTERM to exit" },
  { scenario: "cold", metric: "peakRssMb", of: "ours", per: "fastify", most: 1, what: "peak RSS" },
  { scenario: "memory", metric: "idleRssMb", of: "ours", per: "fastify", most: 1, what: "idle RSS" },
  { scenario: "trips", metric: "bootTrips", of: "ours", most: 2, what: "serial Redis round trips to ready" },
  { scenario: "trips", metric: "stopTrips", of: "ours", most: 1, what: "serial Redis round trips at stop" },
  { scenario: "trips", metric: "slowBootMs", of: "ours", per: "node-http", most: 0.6, what: "boot at 100 ms round trip" },
  { scenario: "shutdown", metric: "loadedStopMs", of: "web", per: "node-http", most: 1.05, what: "loaded SIGTERM to exit" },
  { scenario: "shutdown", metric: "lost", of: "web", most: 0, what: "requests lost" },
  { scenario: "health", metric: "liveRps", of: "ours", per: "fastify", least: 1, what: "/healthz requests a second" },
  { scenario: "health", metric: "readyRps", of: "ours", per: "fastify", least: 1, what: "/readyz requests a second" },
  { scenario: "health", metric: "liveCpuUs", of: "ours", per: "fastify", most: 1, what: "/healthz processor time" },
  { scenario: "health", metric: "readyCpuUs", of: "ours", per: "fastify", most: 1, what: "/readyz processor time" },
  { scenario: "block", metric: "liveAnswered", of: "ours", least: 8, what: "probes answered while blocked 3 s" },
  { scenario: "packages", metric: "packages", of: "ours", most: 75, what: "packages installed" },
];

/** What was reached, with the target beside it; undefined where it was not measured. */
export const judge = ({ metric, of, per, most, least }, samples) => {
  const reached = per === undefined ? samples.alone(metric, of) : samples.ratio(metric, of, per);
  if (!Number.isFinite(reached.median)) return undefined;
  return { ...reached, held: most === undefined ? reached.median >= least : reached.median <= most };
};
