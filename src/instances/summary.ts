/** One boot in a line of figures. */
import type { Life } from "./life.ts";
import type { Boot } from "./row.ts";

export const summaryOf = ({ boot, version, startedAt, readyAt, stoppingAt, failures, end, hasStopped }: Life): Boot => ({
  boot,
  version,
  startedAt,
  readyAt,
  endedAt: end?.at ?? null,
  // a stop that was cut, or whose end is assumed, has no length
  stopMs: !hasStopped || stoppingAt === null ? null : Math.max(0, end!.at - stoppingAt),
  outcome: end?.outcome ?? "",
  cause: failures[0]?.message ?? end?.reason ?? "",
  code: failures[0]?.code ?? "",
});
