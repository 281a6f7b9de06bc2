/** The lines of `/metrics` about the lifecycle. */
import type { LifecycleCommand } from "../../../machines/index.ts";
import { isLeaseHeld } from "../../../machines/lease.machine.ts";
import { stateNames } from "../../../machines/phases.ts";
import type { Metric } from "../../health/metrics.ts";
import { gauge, writeMetrics } from "../../health/metrics.ts";
import type { ServiceFact } from "./facts.ts";
import { factLevels } from "./facts.ts";
import { PhaseTimes } from "./phase-times.ts";
import type { StatusReport } from "./status.ts";

/** In Prometheus' text format; times in seconds, as is the custom there. */
export const lifecycleMetrics = (
  { service, instance, state, degraded, lease }: StatusReport,
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
    ...counts.metrics(),
  ]);

const commands = ["boot", "run", "shutdown"] as const satisfies readonly LifecycleCommand["type"][];

const isError = (type: ServiceFact["type"]): boolean => factLevels[type] === "error";
const types = Object.keys(factLevels) as ServiceFact["type"][];

/**
 * How many facts of each type a service has published, how many of its commands were refused, and how long its phases took. An instance
 * has at most 100 series in all, so a type is there once it was published; those of level error are there from the beginning, since
 * Prometheus sees no increase in the first sample of a series.
 */
export class FactCounts {
  readonly #facts = new Map<ServiceFact["type"], number>(types.filter(isError).map((type) => [type, 0]));
  readonly #refused = new Map<string, number>();
  readonly #phases = new PhaseTimes();

  count(fact: ServiceFact): void {
    increment(this.#facts, fact.type);
    if (fact.type === "phase.ended") this.#phases.note(fact);
    if (fact.type === "command.refused") increment(this.#refused, fact.command);
  }

  metrics(): Metric[] {
    return [
      ...this.#phases.metrics(),
      {
        name: "sg_facts_total",
        type: "counter",
        help: "Facts of the service, by type.",
        samples: [...this.#facts].map(([type, value]) => ({ labels: { type }, value })),
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

const increment = <Key>(counts: Map<Key, number>, key: Key): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
