/** What the lifecycle chart emits: each fact where the chart does the thing, so in the order in which it happens. */
import type { LeadershipFact } from "./leadership.machine.ts";
import type { LeaseFact } from "./lease.machine.ts";
import type { EndedPhase, Failure, StateName } from "./phases.ts";

/** A fact of the lifecycle, its lease or its leaderships, as the chart emits it. */
export type LifecycleFact =
  /** one of the nine states was entered */
  | { readonly type: "state.entered"; readonly state: StateName }
  /** a phase ended: a state, a step of stopping, or one of the tier's own */
  | ({ readonly type: "phase.ended" } & EndedPhase)
  /** a failure, which makes the outcome `failed`; the first one becomes the report's `error` */
  | ({ readonly type: "failed" } & Failure)
  /** Redis is optional and did not pass the ping gate (`reason`); the service boots without it */
  | { readonly type: "degraded"; readonly reason: string }
  /** the registry entry is written: Redis has passed the ping gate after all */
  | { readonly type: "degraded.cleared" }
  | LeadershipFact
  | LeaseFact
  /** the lease chart itself failed; the registry entry expires by its TTL */
  | { readonly type: "lease.broken"; readonly reason: string };
