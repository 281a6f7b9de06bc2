/** The one table of situations: alerts, dashboard and runbook are written from it. */
import { stateNames, stopSteps } from "../../machines/phases.ts";
import type { Situation } from "./situation.ts";
import { grown, grownBy } from "./situation.ts";

/** A name as Markdown writes it. */
const code = (name: string): string => `\`${name}\``;
const [, jitter, gate, start, , ready, run, stop, end] = stateNames.map(code);
const [, , , drain, unwind, release] = stopSteps.map(code);

const of = "{{ $labels.service }} {{ $labels.version }}";
const here = "{{ $labels.job }} {{ $labels.instance }}";
const page = ["the page of the web tier", "the instance on the chart, and what it waits for"] as const;
const why = ["stargazer why SERVICE/INSTANCE", "one sentence: where it is, since when, and what it waits for"] as const;
const fleet = ["stargazer fleet", "each instance with its release, its state and whether it is ready"] as const;
const dead = ["stargazer fleet --all", "those that have ended too, with how"] as const;
const replay = ["stargazer replay SERVICE/INSTANCE", "its last moments, step by step on the chart"] as const;

export const situations: readonly Situation[] = [
  {
    name: "SlowBoot",
    title: "Slow boot",
    severity: "warning",
    condition: () => "max by (service, version) (sg_fleet_boot_deadline_ratio) >= 0.8",
    lasts: "0s",
    summary: `${of} has used {{ $value | humanizePercentage }} of a boot's deadline`,
    panel: { query: () => "max by (service, version) (sg_fleet_boot_deadline_ratio)", legend: of, unit: "percentunit" },
    meaning: `An instance is between ${jitter} and ${ready} and has used 80 % of the deadline of the state that it is in. At the deadline the boot fails, and what was begun is undone.`,
    look: [why, page],
    act: [
      `In ${gate}: Redis does not pass the ping gate. See the section on Redis.`,
      `In ${start}: the tier's \`onStart\` waits. The path names its phase (${code(`${stateNames[3]}.model`)}): look at what that phase waits for.`,
      "Where it is only slow, raise `startTimeoutMs`, and write the manifests anew: the startup probe has to be longer.",
    ],
  },
  {
    name: "FailingBoots",
    title: "Failing boots",
    severity: "critical",
    condition: (times) => grownBy(2, 'sg_fleet_ends_total{outcome="failed"}', "service, version", times),
    lasts: "0s",
    summary: `{{ $value }} instances of ${of} have ended as failed`,
    panel: {
      query: (times) => grown('sg_fleet_ends_total{outcome="failed"}', "service, version", times),
      legend: of,
      unit: "short",
    },
    meaning: `Instances reached ${end} with the outcome \`failed\`: a hook threw, a deadline passed, or a step of the boot was refused. Several of one release within minutes are a crash loop.`,
    look: [dead, ["stargazer why SERVICE", "the first cause of the newest end"], replay],
    act: [
      "Where all of them are of a new release: roll it back.",
      "Where the code is `SG_ERR_START_FAILED`, the message is that of the tier's own error; for any other code it says what to set.",
    ],
  },
  {
    name: "Killed",
    title: "Killed",
    severity: "critical",
    condition: (times) => grownBy(1, 'sg_fleet_ends_total{outcome="expired"}', "service, version", times),
    lasts: "0s",
    summary: `{{ $value }} instances of ${of} have ended without a stop: their leases expired`,
    panel: {
      query: (times) => grown('sg_fleet_ends_total{outcome="expired"}', "service, version", times),
      legend: of,
      unit: "short",
    },
    meaning: `An instance never reached ${end}: its lease expired. It was killed (SIGKILL, out of memory), its machine went, or it could not reach Redis until its lease was over.`,
    look: [dead, replay, ["the orchestrator's events", "`OOMKilled`, evictions, failed liveness probes"]],
    act: [
      "Out of memory: raise the limit, or look at `process_resident_memory_bytes` of the release.",
      `Killed while ${stop}: the orchestrator waits for less than \`shutdownTimeoutMs\`. \`stargazer manifests check\` names the figure.`,
      "Killed by a liveness probe: the event loop was blocked for longer than `livenessBlockMs`. See that section.",
    ],
  },
  {
    name: "NotReady",
    title: "Not ready",
    severity: "warning",
    condition: () => "max by (service, version) (sg_fleet_not_ready) > 0",
    lasts: "5m",
    summary: `{{ $value }} instances of ${of} take no traffic`,
    panel: { query: () => "max by (service, version) (sg_fleet_not_ready)", legend: of, unit: "short" },
    meaning: `An instance lives and \`/readyz\` is 503: it is in none of ${ready} and ${run}, a check fails, Redis does not answer, or its event loop is blocked.`,
    look: [why, fleet, ["/readyz of the instance", "the reason"]],
    act: [
      "The sentence names the check or the state: go on in the section of that.",
      "A check of your own that fails names itself; what it asks is away.",
    ],
  },
  {
    name: "LeaseSuspect",
    title: "Lease suspect",
    severity: "warning",
    condition: () => "sg_lease_missed_writes > 0",
    lasts: "10s",
    summary: `${here}: {{ $value }} writes of the registry entry in a row had no answer`,
    panel: { query: () => "sg_lease_missed_writes", legend: here, unit: "short" },
    meaning:
      "The lease is in `suspect`: a beat was not confirmed. The entry lives until `leaseTtlMs` after the last confirmed one; then others take the instance for dead, although it works.",
    look: [["/status of the instance", "`lease.trouble`: why the last write did not succeed"], why],
    act: [
      "Redis is slow or away for this instance: see the section on Redis.",
      "One instance alone: its network, or a blocked event loop.",
    ],
  },
  {
    name: "TwinInstance",
    title: "Two instances under one id",
    severity: "critical",
    condition: (times) => grownBy(1, 'sg_fleet_failed_ends{code="SG_ERR_SUPERSEDED"}', "service", times),
    lasts: "0s",
    summary: "An instance of {{ $labels.service }} has stopped because another one has its id",
    panel: {
      query: (times) => grown('sg_fleet_failed_ends{code="SG_ERR_SUPERSEDED"}', "service", times),
      legend: "{{ $labels.service }}",
      unit: "short",
    },
    meaning: `The lease of an instance was \`superseded\`: a newer boot has registered the same \`instanceId\`, so the older one went to ${stop} and failed with \`SG_ERR_SUPERSEDED\`.`,
    look: [["the log of the older instance", "`lease.superseded` has the pid and the host of the newer one"], dead],
    act: [
      "Give each replica an id of its own: the name of the pod, or none, and Stargazer makes one.",
      "A supervisor that starts the next process before the last one has ended does the same once in each restart.",
    ],
  },
  {
    name: "CommandsRefused",
    title: "Refused commands",
    severity: "warning",
    condition: ({ window }) => `increase(sg_commands_refused_total[${window}]) > 0`,
    lasts: "0s",
    summary: `${here}: {{ $labels.command }}() was called where the chart has no arrow for it`,
    panel: {
      query: ({ window }) => `increase(sg_commands_refused_total[${window}])`,
      legend: `${here} {{ $labels.command }}`,
      unit: "short",
    },
    meaning:
      "A program called `boot()` or `run` in a state whose chart has no such arrow. The call rejected with `SG_ERR_ILLEGAL_TRANSITION`; nothing changed.",
    look: [["the log of the instance", "`command.refused` has the command and the path"]],
    act: ["It is a fault of the program that calls: `launch` and `runToCompletion` call each command once."],
  },
  {
    name: "BlockedLoop",
    title: "Blocked event loop",
    severity: "critical",
    condition: ({ window }) => `sg_metrics_age_seconds > 1 or increase(sg_event_loop_blocked_seconds_total[${window}]) > 1`,
    lasts: "0s",
    summary: `${here}: the event loop was blocked for {{ $value | humanizeDuration }}`,
    panel: { query: ({ window }) => `increase(sg_event_loop_blocked_seconds_total[${window}])`, legend: here, unit: "s" },
    meaning:
      "JavaScript ran for longer than `readinessBlockMs` without a turn of the event loop. The probe thread answers meanwhile: `/readyz` is 503, `/metrics` has the last values, and their age is `sg_metrics_age_seconds`. After `livenessBlockMs` the orchestrator restarts the process.",
    look: [
      ["/status of the instance", "`pressure`"],
      ["node --cpu-prof", "the function that does not return"],
    ],
    act: [
      "Move the work into a worker thread, or cut it into pieces that wait between each other.",
      "A `run` that loops without waiting blocks at the first failure of what it awaits.",
    ],
  },
  {
    name: "RedisAway",
    title: "Redis away",
    severity: "critical",
    condition: () => "sg_redis_reachable == 0 or sg_degraded == 1",
    lasts: "30s",
    summary: `${here} does not reach Redis`,
    panel: { query: () => "sg_redis_reachable", legend: here, unit: "bool_yes_no" },
    meaning:
      "The check of Redis has failed three times: the instance is not ready. It goes on, and is ready again when Redis answers. A `degraded` one has booted without a Redis that is optional.",
    look: [
      ["/readyz of the instance", "the reason, as Redis gave it"],
      ["redis-cli INFO", "memory, clients, persistence"],
    ],
    act: [
      "All instances: Redis is down, or full. Nothing is lost that was accepted.",
      "One instance: its network, its password, its permissions.",
    ],
  },
  {
    name: "StopOverBudget",
    title: "Stop over budget",
    severity: "warning",
    condition: (times) => grownBy(1, 'sg_fleet_failed_ends{code=~"SG_ERR_(STOP|DRAIN)_TIMEOUT"}', "service, code", times),
    lasts: "0s",
    summary: "A stop of {{ $labels.service }} has exceeded its budget: {{ $labels.code }}",
    panel: {
      query: (times) => grown('sg_fleet_failed_ends{code=~"SG_ERR_(STOP|DRAIN)_TIMEOUT"}', "service, code", times),
      legend: "{{ $labels.service }} {{ $labels.code }}",
      unit: "short",
    },
    meaning: `A step of ${stop} has passed its deadline: ${drain} (\`run\` or work in flight does not end) or ${unwind} and ${release} (\`onStop\`, a release). The steps behind it were done all the same.`,
    look: [replay, ["stargazer why SERVICE/INSTANCE", "how long each step has taken"]],
    act: [
      "`run` has to end when `context.signal` aborts; pass the signal on to what it awaits.",
      "A release that hangs is named in the message. Give it a deadline of its own.",
      "Where the work is long by nature, raise `drainTimeoutMs` and `shutdownTimeoutMs`, and write the manifests anew.",
    ],
  },
  {
    name: "UnreadQueue",
    title: "Unread queue",
    severity: "warning",
    condition: () => "max by (stream, group) (sg_stream_oldest_seconds) > 60",
    lasts: "1m",
    summary: "A message of {{ $labels.stream }} has waited for {{ $value | humanizeDuration }}",
    panel: { query: () => "max by (stream, group) (sg_stream_oldest_seconds)", legend: "{{ $labels.stream }}", unit: "s" },
    meaning: `Messages were accepted and are not settled. No worker is ${run}, too few are, or the responder is slow or fails and messages rest between attempts.`,
    look: [
      ["stargazer fleet", `whether \`inference\` has instances in ${run}`],
      page,
      ["the log of the workers", "`message.failed` has the reason"],
    ],
    act: [
      "No worker: see failing boots.",
      "Lag grows: more instances, or more `concurrency`.",
      "Pending stays: the model's endpoint is slow or away.",
    ],
  },
  {
    name: "DeadLetters",
    title: "Dead letters",
    severity: "warning",
    condition: () => "max(sg_dead_letters) > 0",
    lasts: "0s",
    summary: "{{ $value }} messages could not be answered",
    panel: { query: () => "max(sg_dead_letters)", legend: "dead letters", unit: "short" },
    meaning:
      "A message failed three times, its workers died five times, or it cannot be read. Its author got a notice; it is kept for 30 days.",
    look: [
      ["stargazer dlq list", "each with its reason"],
      ["stargazer dlq show ID", "its fields"],
    ],
    act: ["`stargazer dlq replay ID` puts it back once the cause is mended.", "`stargazer dlq drop ID` deletes it."],
  },
  {
    name: "MixedReleases",
    title: "Mixed releases",
    severity: "warning",
    condition: () => "count by (service) (count by (service, version) (sg_fleet_instances > 0)) > 1",
    lasts: "15m",
    summary: "{{ $labels.service }} runs in {{ $value }} releases",
    panel: {
      query: () => "sum by (service, version) (max by (service, version, state) (sg_fleet_instances))",
      legend: of,
      unit: "short",
    },
    meaning:
      "Instances of one service live in more than one release for longer than a rollout takes: it is stuck, or one part of it was forgotten.",
    look: [fleet, page],
    act: [
      `Where the new ones do not become ${run}: see failing boots and slow boot.`,
      "Where the old ones do not stop: see stop over budget.",
    ],
  },
];
