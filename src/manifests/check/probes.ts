/** Checks the probes of a container. */
import type { Budgets } from "../budgets.ts";
import { shownMs } from "./durations.ts";
import { at, listAt, numberAt, textAt } from "./finding.ts";

/** What the other objects of the deployment say of the container. */
export interface Surroundings {
  readonly isPortKnown: boolean;
  readonly isDelayKnown: boolean;
  /** whether other pods send it requests */
  readonly takesRequests: boolean;
  /** whether the health server answers under that name */
  readonly isServed: (name: string) => boolean;
}

type ProbeName = "startupProbe" | "livenessProbe" | "readinessProbe";

/** ms after which a probe that always fails is given up; the defaults are those of Kubernetes. */
const lastsMs = (probe: unknown): number =>
  (numberAt(probe, 0, "initialDelaySeconds") + numberAt(probe, 10, "periodSeconds") * numberAt(probe, 3, "failureThreshold")) *
  1000;
const fallsMs = (probe: unknown): number => numberAt(probe, 10, "periodSeconds") * numberAt(probe, 3, "failureThreshold") * 1000;

const portOf = (container: unknown, probe: unknown, how: "httpGet" | "tcpSocket"): number => {
  const given = textAt(probe, how, "port") ?? "";
  if (/^\d+$/.test(given)) return Number(given);
  const named = listAt(container, "ports").find((port) => textAt(port, "name") === given);
  return numberAt(named, Number.NaN, "containerPort");
};

const paths: Readonly<Record<ProbeName, readonly string[]>> = {
  startupProbe: ["/healthz", "/readyz"],
  livenessProbe: ["/healthz"],
  readinessProbe: ["/readyz"],
};
const consequences: Readonly<Record<ProbeName, string>> = {
  startupProbe: "the container never starts",
  livenessProbe: "a service that is not ready, while Redis is away for example, would be killed",
  readinessProbe: "it would stay ready while it drains and while Redis is away",
};

const requestProblems = (name: ProbeName, container: unknown, budgets: Budgets, surroundings: Surroundings): string[] => {
  const probe = at(container, name);
  const how = at(probe, "httpGet") === undefined ? ("tcpSocket" as const) : ("httpGet" as const);
  if (at(probe, how) === undefined) return [];
  const found: string[] = [];
  const port = portOf(container, probe, how);
  if (surroundings.isPortKnown && budgets.healthPort !== 0 && port !== budgets.healthPort) {
    const shown = Number.isNaN(port) ? `${textAt(probe, how, "port") ?? "none"}, which no containerPort is named` : String(port);
    found.push(`${name} asks port ${shown}, and the health server listens on ${budgets.healthPort}`);
  }
  if (how === "tcpSocket")
    return name === "readinessProbe"
      ? [...found, `readinessProbe opens a socket only: ${consequences[name]}; ask /readyz`]
      : found;
  const path = (textAt(probe, "httpGet", "path") ?? "/").split("?", 1)[0]!;
  if (!paths[name].includes(path)) {
    const isKnown = path === "/healthz" || path === "/readyz";
    found.push(
      `${name} asks ${path}: ${isKnown ? consequences[name] : "there is no such route, so it is always 404"}; ask ${paths[name][0]}`,
    );
  }
  if ((textAt(probe, "httpGet", "scheme") ?? "HTTP").toUpperCase() !== "HTTP")
    found.push(`${name} asks by HTTPS, and the health server speaks HTTP`);
  const header = listAt(probe, "httpGet", "httpHeaders").find((one) => textAt(one, "name")?.toLowerCase() === "host");
  const host = (textAt(header, "value") ?? "").replace(/:\d+$/, "");
  if (host !== "" && !surroundings.isServed(host))
    found.push(`${name} asks under the name ${host}, which gets 421: put it into SG_ALLOWED_HOSTS, or leave the header out`);
  return found;
};

const bootProblems = (container: unknown, { bootMs }: Budgets): string[] => {
  const startup = at(container, "startupProbe");
  const liveness = at(container, "livenessProbe");
  if (startup !== undefined)
    return lastsMs(startup) >= bootMs
      ? []
      : [
          `startupProbe gives up after ${shownMs(lastsMs(startup))}, and the boot may last ${shownMs(bootMs)}: raise failureThreshold`,
        ];
  if (liveness === undefined || lastsMs(liveness) >= bootMs) return [];
  return [
    `there is no startupProbe, and livenessProbe kills after ${shownMs(lastsMs(liveness))}, while the boot may last ${shownMs(bootMs)} and nothing listens before its end`,
  ];
};

const drainProblems = (
  container: unknown,
  { drainDelayMs }: Budgets,
  { isDelayKnown, takesRequests }: Surroundings,
): string[] => {
  const readiness = at(container, "readinessProbe");
  if (readiness === undefined)
    return ["there is no readinessProbe: requests come while it boots, drains, and while Redis is away"];
  if (!isDelayKnown || at(container, "lifecycle", "preStop") !== undefined) return [];
  const ms = fallsMs(readiness);
  if (drainDelayMs > 0 && drainDelayMs <= ms)
    return [
      `readinessProbe notices after ${shownMs(ms)} (periodSeconds × failureThreshold), and the drain delay is ${shownMs(drainDelayMs)}: set SG_DRAIN_DELAY_MS over it`,
    ];
  if (drainDelayMs === 0 && takesRequests)
    return [
      `the drain delay is 0, so requests still come while it stops: set SG_DRAIN_DELAY_MS over ${ms}, which is periodSeconds × failureThreshold of readinessProbe`,
    ];
  return [];
};

const ownGraceProblems = (container: unknown, { stopMs }: Budgets): string[] =>
  (["startupProbe", "livenessProbe"] as const).flatMap((name) => {
    const seconds = numberAt(at(container, name), Number.POSITIVE_INFINITY, "terminationGracePeriodSeconds");
    return seconds * 1000 >= stopMs
      ? []
      : [`terminationGracePeriodSeconds of ${name} is ${seconds}, and stopping may last ${shownMs(stopMs)}`];
  });

/** Empty for a service without a health server and without probes. */
export const probeProblems = (container: unknown, budgets: Budgets, surroundings: Surroundings): string[] => {
  const names = (["startupProbe", "livenessProbe", "readinessProbe"] as const).filter(
    (name) => at(container, name) !== undefined,
  );
  if (!budgets.hasHealth)
    return names.some((name) => at(container, name, "httpGet") !== undefined)
      ? ["the container is asked by HTTP, and the service has no health server: set useHealthServer"]
      : [];
  return [
    ...names.flatMap((name) => requestProblems(name, container, budgets, surroundings)),
    ...bootProblems(container, budgets),
    ...drainProblems(container, budgets, surroundings),
    ...ownGraceProblems(container, budgets),
  ];
};
