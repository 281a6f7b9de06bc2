/** What the health server has seen, as data. */
import type { Address } from "./listen.ts";

export type HealthFact =
  /** told once readiness falls; `failures` checks in a row */
  | { readonly type: "redis.unreachable"; readonly failures: number; readonly reason: string }
  /** the first check that passed, after `missed` that did not */
  | { readonly type: "redis.restored"; readonly missed: number }
  /** the event loop did not come round for so many ms, at least `readinessBlockMs` */
  | { readonly type: "loop.blocked"; readonly blockedMs: number }
  /** the main thread takes its port */
  | { readonly type: "health.thread.died"; readonly reason: string }
  | ({ readonly type: "health.port.moved" } & Address)
  | { readonly type: "health.server.failed"; readonly reason: string }
  /** a route threw; whoever asked got a 500 */
  | { readonly type: "health.request.failed"; readonly url: string; readonly reason: string };

export type TellHealth = (fact: HealthFact) => void;
