/** What a health server is constructed with. */
import type { AnyActorRef } from "xstate";
import type { HealthFact } from "../../machines/health-port.machine.ts";
import type { Readiness } from "./readiness.ts";
import type { HealthSource } from "./source.ts";

export interface HealthOptions {
  readonly host: string;
  /** 0 picks a free one */
  readonly port: number;
  readonly source: HealthSource;
  /** Names under which it answers, beside IP addresses, `localhost`, `host` and the machine's own. Default none. */
  readonly allowedHosts?: readonly string[];
  /** Whether a thread of its own answers probes, also while the main thread is blocked. Default false. */
  readonly probeThread?: boolean;
  /** ms that the main thread may be blocked before `/readyz` is 503. Default 1000. */
  readonly readinessBlockMs?: number;
  /** ms that the main thread may be blocked before `/healthz` is 503; has an effect only with a probe thread. Default 30000. */
  readonly livenessBlockMs?: number;
  /** ms over which the load of the event loop is measured, and for which a block shows after its end. Default 1000. */
  readonly sampleMs?: number;
  /** Called with each fact, after the notice board was written. What it throws is dropped. */
  readonly onFact?: (fact: HealthFact) => void;
  /** Called with the readiness when that may have changed, while the port is not free. It must not throw. */
  readonly onReadiness?: (readiness: Readiness) => void;
  /** The actor in whose system the chart of the port runs, so that inspectors of that system see it. Default: a system of its own. */
  readonly parent?: AnyActorRef;
}

/** What an option is where it is absent. */
export const defaults = {
  allowedHosts: [] as readonly string[],
  probeThread: false,
  readinessBlockMs: 1000,
  livenessBlockMs: 30_000,
  sampleMs: 1000,
};
