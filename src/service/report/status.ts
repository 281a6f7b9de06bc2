/** The snapshot of a service as plain JSON. */
import { companionsAmong } from "../../../machines/companion.ts";
import { deadlineOf, waitsForOf } from "../../../machines/describe.ts";
import type { LeadershipSnapshot, LeaseSnapshot, LifecycleSnapshot, PhaseRecord, StateName } from "../../../machines/index.ts";
import { uptimeOf } from "../../../machines/lifecycle.machine.ts";
import { effectPhases, rounded } from "../../../machines/phases.ts";
import { stateName, statePath } from "../../../machines/state.ts";

/** The registry entry of a service, as the service knows it. */
export interface LeaseStatusReport {
  /** where the lease chart is: `held.waiting`, `suspect.beating`, … */
  readonly state: string;
  /** grows with each boot of this instance id; null until it is drawn */
  readonly incarnation: number | null;
  /** when Redis last confirmed the entry, ms since the epoch */
  readonly confirmedAt: number;
  /** how long ago that was, in ms, by the monotonic clock */
  readonly confirmedAgoMs: number;
  /** writes in a row without an answer */
  readonly missed: number;
  /** why the last write did not succeed; empty if it did */
  readonly trouble: string;
}

/** The address on which a server of the service listens: the bound host, and the port, also one that the system chose. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** This instance's part in one election. */
export interface LeadershipStatusReport {
  readonly name: string;
  /** the state of the leadership chart: `candidate`, `follower`, `leader`, `yielding`, `resigning` */
  readonly state: string;
  /** the fencing token of the term; null while this instance does not lead */
  readonly fence: number | null;
  /** when it began to lead, or not to; ms since the epoch */
  readonly since: number;
  /** why the last call to Redis did not succeed; empty if it did */
  readonly trouble: string;
}

/** The timer that ends the present state. Times in ms. */
export interface DeadlineReport {
  /** the delay's name on the chart: `startTimeout` */
  readonly name: string;
  /** from entering the state, as it was set */
  readonly ms: number;
  /** what is left of it; below 0 where the event loop is late */
  readonly leftMs: number;
}

/**
 * What `service.status()` returns. `/status` answers with the same fields and, beside them, `readiness`, `pressure` and, where Redis
 * is required, `redis`.
 */
export interface StatusReport {
  /** `serviceName` */
  readonly service: string;
  /** `instanceId` */
  readonly instance: string;
  /** one of the nine states */
  readonly state: StateName;
  /** the whole path on the chart: `stopping.draining` */
  readonly path: string;
  /** when the state was entered, and when the service was constructed, ms since the epoch */
  readonly since: number;
  readonly startedAt: number;
  /** ms since the service was constructed, by the monotonic clock: `phases` have their `offsetMs` on the same scale */
  readonly uptimeMs: number;
  /** what the present state waits for: `the tier's onStart, model`; empty where it waits for nothing */
  readonly waits: string;
  /** the timer that ends the present state; null where only an event does */
  readonly deadline: DeadlineReport | null;
  /** Redis is optional and has not passed the ping gate, at boot or since */
  readonly degraded: boolean;
  /** what the ping gate refused Redis for, while the service waits for it: in `pinging`, and while it is degraded; empty otherwise */
  readonly condition: string;
  /** where the health server listens; null while it does not */
  readonly health: ListenAddress | null;
  /** null before `registering`, after deregistering and without Redis */
  readonly lease: LeaseStatusReport | null;
  /** in the order in which they began; those that have ended are left out */
  readonly leaderships: readonly LeadershipStatusReport[];
  /** in the order in which they happened */
  readonly failures: readonly { readonly phase: string; readonly code: string; readonly message: string }[];
  /** what the service went through, in the order in which each phase began; times in ms */
  readonly phases: readonly PhaseRecord[];
}

export interface StatusSource {
  readonly service: string;
  readonly instance: string;
  readonly incarnation: number | undefined;
  readonly snapshot: LifecycleSnapshot;
  readonly lease: LeaseSnapshot | undefined;
  readonly health: ListenAddress | null;
}

/** When the state that the snapshot is in was entered, ms since the epoch. */
export const enteredAt = (snapshot: LifecycleSnapshot): number => {
  const state = stateName(snapshot);
  // equivalent mutant: each state has a phase; the default keeps the type total
  return (snapshot.context.phases.findLast(({ phase }) => phase === state) ?? snapshot.context.phases.at(-1))?.startedAt ?? 0;
};

export const statusOf = ({ service, instance, incarnation, snapshot, lease, health }: StatusSource): StatusReport => ({
  service,
  instance,
  state: stateName(snapshot),
  path: statePath(snapshot),
  since: enteredAt(snapshot),
  // equivalent mutant: init is entered by the constructor
  startedAt: snapshot.context.phases[0]?.startedAt ?? 0,
  uptimeMs: uptimeOf(snapshot.context),
  waits: waitsForOf(snapshot),
  deadline: deadlineReport(snapshot),
  degraded: snapshot.context.degraded,
  condition: conditionOf(snapshot),
  health,
  lease: lease ? leaseStatus(lease, incarnation) : null,
  leaderships: leadershipsOf(snapshot),
  failures: snapshot.context.failures.map(({ phase, code, message }) => ({ phase, code, message })),
  phases: snapshot.context.phases,
});

const deadlineReport = (snapshot: LifecycleSnapshot): DeadlineReport | null => {
  const deadline = deadlineOf(snapshot);
  const { timer } = snapshot.context;
  if (deadline === undefined || timer === undefined) return null;
  return { ...deadline, leftMs: rounded(timer.setMs + deadline.ms - uptimeOf(snapshot.context)) };
};

const conditionOf = (snapshot: LifecycleSnapshot): string => {
  const { degraded, refusal } = snapshot.context;
  return degraded || stateName(snapshot) === effectPhases.pingRedis ? refusal.message : "";
};

const leaseStatus = (lease: LeaseSnapshot, incarnation: number | undefined): LeaseStatusReport => {
  const { now, confirmedAt, confirmedEpoch, missed, trouble } = lease.context;
  return {
    state: statePath(lease),
    incarnation: incarnation ?? null,
    confirmedAt: confirmedEpoch,
    confirmedAgoMs: rounded(now() - confirmedAt),
    missed,
    trouble,
  };
};

const leadershipsOf = ({ children }: LifecycleSnapshot): LeadershipStatusReport[] =>
  companionsAmong(children)
    .map((companion) => companion.getSnapshot() as LeadershipSnapshot)
    .filter(({ machine, status }) => machine?.id === "leadership" && status === "active")
    .map((snapshot) => {
      const { name, fence, since, trouble } = snapshot.context;
      return { name, state: statePath(snapshot).split(".", 1)[0]!, fence: fence === 0 ? null : fence, since, trouble };
    });
