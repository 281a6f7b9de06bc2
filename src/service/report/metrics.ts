/** The lines of `/metrics` about the lifecycle. */
import type { LifecycleCommand, PhaseRecord } from "../../../machines/index.ts";
import { isLeaseHeld } from "../../../machines/lease.machine.ts";
import { isOpen, stateNames } from "../../../machines/phases.ts";
import type { Metric, Sample } from "../../health/metrics.ts";
import { gauge, writeMetrics } from "../../health/metrics.ts";
import type { ServiceFact } from "./facts.ts";
import { factLevels } from "./facts.ts";
import type { StatusReport } from "./status.ts";

/** In Prometheus' text format; times in seconds, as is the custom there. */
export const lifecycleMetrics = (
  { service, instance, state, degraded, lease, phases }: StatusReport,
  { version, counts }: { readonly version: string; readonly counts: FactCounts },
): string =>
  writeMetrics([
    {
      name: "sg_service_info",
      type: "gauge",
      help: "The service that answers.",
      samples: [{ labels: { service, instance, version }, value: 1 }],
    },
    {
      name: "sg_state",
      type: "gauge",
      help: "1 for the state that the service is in.",
      samples: stateNames.map((name) => ({ labels: { state: name }, value: Number(name === state) })),
    },
    gauge("sg_degraded", "1 while an optional Redis has not passed the ping gate since boot.", Number(degraded)),
    gauge("sg_lease_held", "1 while the service believes itself registered.", Number(lease !== null && isLeaseHeld(lease.state))),
    gauge("sg_lease_missed_writes", "Registry writes in a row without an answer.", lease?.missed ?? 0),
    {
      name: "sg_phase_duration_seconds",
      type: "gauge",
      help: "How long each ended phase took; of one that ended more than once, the latest with that outcome.",
      samples: latestOf(phases),
    },
    ...counts.metrics(),
  ]);

const latestOf = (phases: readonly PhaseRecord[]): readonly Sample[] => [
  ...new Map(
    phases
      .filter((record) => !isOpen(record))
      // equivalent mutant: a phase that has ended has an outcome
      .map(({ phase, outcome = "done", durationMs = 0 }) => [
        `${outcome} ${phase}`,
        { labels: { phase, outcome }, value: durationMs / 1000 },
      ]),
  ).values(),
];

const commands = ["boot", "run", "shutdown"] as const satisfies readonly LifecycleCommand["type"][];

/** How many facts of each type a service has published, and how many of its commands were refused. */
export class FactCounts {
  readonly #facts = new Map<string, number>();
  readonly #refused = new Map<string, number>();

  count(fact: ServiceFact): void {
    increment(this.#facts, fact.type);
    if (fact.type === "command.refused") increment(this.#refused, fact.command);
  }

  metrics(): Metric[] {
    return [
      {
        name: "sg_facts_total",
        type: "counter",
        help: "Facts of the service, by type.",
        samples: Object.keys(factLevels).map((type) => ({ labels: { type }, value: this.#facts.get(type) ?? 0 })),
      },
      {
        name: "sg_commands_refused_total",
        type: "counter",
        help: "Commands that were not allowed in the state of the service.",
        samples: commands.map((command) => ({ labels: { command }, value: this.#refused.get(command) ?? 0 })),
      },
    ];
  }
}

const increment = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
