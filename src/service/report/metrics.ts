/** The lines of `/metrics` about the lifecycle. */
import { isLeaseHeld } from "../../../machines/lease.machine.ts";
import { isOpen, stateNames } from "../../../machines/phases.ts";
import { gauge, writeMetrics } from "../../health/metrics.ts";
import type { StatusReport } from "./status.ts";

/** In Prometheus' text format; times in seconds, as is the custom there. */
export const lifecycleMetrics = ({ service, instance, state, degraded, lease, phases }: StatusReport): string =>
  writeMetrics([
    {
      name: "sg_service_info",
      type: "gauge",
      help: "The service that answers.",
      samples: [{ labels: { service, instance }, value: 1 }],
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
      help: "How long each ended phase took.",
      samples: phases
        .filter((record) => !isOpen(record))
        // equivalent mutant: a phase that has ended has an outcome
        .map(({ phase, outcome = "done", durationMs = 0 }) => ({ labels: { phase, outcome }, value: durationMs / 1000 })),
    },
  ]);
