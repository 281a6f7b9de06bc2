/** Checks the health check of a container, as compose, a Dockerfile and podman have it. */
import type { Budgets } from "../budgets.ts";
import { askedBy } from "./command.ts";
import { composeMs, shownMs } from "./durations.ts";
import type { Given } from "./variables.ts";
import { isOpen } from "./variables.ts";

/** Its words and figures, each figure as the file has it; undefined is the default of the platform. */
export interface HealthCheck {
  readonly test: readonly string[];
  readonly startPeriod: string | undefined;
  readonly interval: string | undefined;
  readonly retries: string | undefined;
}

/** Empty for a check that is switched off. */
export const healthCheckProblems = (
  check: HealthCheck,
  { bootMs, healthPort, hasHealth }: Budgets,
  variables: Given,
): string[] => {
  if (check.test.length === 0 || /^none$/i.test(check.test[0]!)) return [];
  const found: string[] = [];
  const timeOf = (name: string, text: string | undefined, fallback: string): number => {
    const ms = composeMs(text ?? fallback);
    if (Number.isNaN(ms))
      found.push(`${name} of the health check is ${JSON.stringify(text)}, which is no duration: write it with its unit, as 30s`);
    return Number.isNaN(ms) ? Number.POSITIVE_INFINITY : ms;
  };
  const startMs = timeOf("start_period", check.startPeriod, "0s");
  const lastsMs = startMs + timeOf("interval", check.interval, "30s") * Number(check.retries ?? 3);
  if (lastsMs < bootMs)
    found.push(
      `the health check gives up after ${shownMs(lastsMs)} (start period + interval × retries), and the boot may last ${shownMs(bootMs)}`,
    );
  const asked = askedBy(check.test);
  if (asked === undefined) return found;
  const isKnown = asked.path === "/healthz" || asked.path === "/readyz";
  const isPortKnown = healthPort !== 0 && !isOpen(variables, "SG_HEALTH_PORT");
  if (hasHealth && isPortKnown && !Number.isNaN(asked.port) && asked.port !== healthPort)
    found.push(`the health check asks port ${asked.port}, and the health server listens on ${healthPort}`);
  else if (!isKnown) found.push(`the health check asks ${asked.path}, and there is no such route: ask /healthz`);
  return found;
};
