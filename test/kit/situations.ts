/** Series that bring a situation about: those of a fleet in which all is well, and what is different in each situation. */

/** Values at each quarter of a minute, in the notation of promtool. */
export type Series = Readonly<Record<string, string>>;

/** when a situation begins, as a count of samples, and when the rules are looked at */
const [before, after] = [60, 20];
export const lookedAt = "17m";

const always = (value: number): string => `${value}x${before + after}`;
/** `from`, and from the beginning of the situation on `to`. */
const then = (from: number | "_", to: number): string => `${from}x${before - 1} ${to}x${after}`;

const web = ['job="web",instance="a"', 'job="web",instance="b"'];
/** A series as both web tiers serve it. */
const ofFleet = (metric: string, labels: string, values: string): Series =>
  Object.fromEntries(web.map((target) => [`${metric}{${[target, labels].filter(Boolean).join(",")}}`, values]));
const one = 'job="orders",instance="c"';
const stream = 'stream="sg:stream:inbound",group="sg:workers"';

export const calm: Series = {
  ...ofFleet("sg_dead_letters", "", always(0)),
  ...ofFleet("sg_fleet_instances", 'service="orders",version="1",state="running"', always(2)),
  ...ofFleet("sg_fleet_not_ready", 'service="orders",version="1"', always(0)),
  ...ofFleet("sg_fleet_ends_total", 'service="orders",version="1",outcome="shutdown"', `0+1x${before + after}`),
  ...ofFleet("sg_fleet_ends_total", 'service="orders",version="1",outcome="failed"', always(3)),
  ...ofFleet("sg_fleet_failed_ends", 'service="orders",code="SG_ERR_STOP_TIMEOUT"', always(1)),
  ...ofFleet("sg_stream_oldest_seconds", stream, always(1)),
  [`sg_lease_missed_writes{${one}}`]: always(0),
  [`sg_commands_refused_total{${one},command="boot"}`]: always(0),
  [`sg_metrics_age_seconds{${one}}`]: always(0),
  [`sg_event_loop_blocked_seconds_total{${one}}`]: always(0),
  [`sg_redis_reachable{${one}}`]: always(1),
  [`sg_degraded{${one}}`]: always(0),
};

/** By the name of the rule: what is different, where the rule fires. */
export const situationSeries: Readonly<Record<string, Series>> = {
  SlowBoot: ofFleet("sg_fleet_boot_deadline_ratio", 'service="orders",version="2"', then("_", 0.9)),
  FailingBoots: ofFleet("sg_fleet_ends_total", 'service="orders",version="2",outcome="failed"', then("_", 2)),
  Killed: ofFleet("sg_fleet_ends_total", 'service="orders",version="1",outcome="expired"', then(4, 5)),
  NotReady: ofFleet("sg_fleet_not_ready", 'service="orders",version="1"', always(1)),
  LeaseSuspect: { [`sg_lease_missed_writes{${one}}`]: then(0, 2) },
  TwinInstance: ofFleet("sg_fleet_failed_ends", 'service="orders",code="SG_ERR_SUPERSEDED"', then("_", 1)),
  CommandsRefused: { [`sg_commands_refused_total{${one},command="boot"}`]: then(0, 1) },
  BlockedLoop: { [`sg_metrics_age_seconds{${one}}`]: then(0, 2) },
  RedisAway: { [`sg_redis_reachable{${one}}`]: then(1, 0) },
  StopOverBudget: ofFleet("sg_fleet_failed_ends", 'service="orders",code="SG_ERR_STOP_TIMEOUT"', then(1, 2)),
  UnreadQueue: ofFleet("sg_stream_oldest_seconds", stream, then(1, 90)),
  DeadLetters: ofFleet("sg_dead_letters", "", then(0, 1)),
  MixedReleases: ofFleet("sg_fleet_instances", 'service="orders",version="2",state="running"', always(1)),
};

/** Ways in which a rule may fire that are not the situation itself. */
export const otherSeries: Readonly<Record<string, Series>> = {
  BlockedLoop: { [`sg_event_loop_blocked_seconds_total{${one}}`]: then(0, 9) },
  RedisAway: { [`sg_degraded{${one}}`]: then(0, 1) },
};

/** Series of a fleet that has failed before, and that is scraped for less than the window. */
export const justScraped: Series = Object.fromEntries(
  Object.entries({ ...calm, ...situationSeries.Killed, ...situationSeries.FailingBoots }).map(([series, values]) => [
    series,
    `_x${before + 4} ${values.split(/[x+]/)[0]!.replace("_", "2")}x10`,
  ]),
);
