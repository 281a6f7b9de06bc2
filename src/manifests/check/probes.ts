/** Checks the probes of a container. */
import type { Budgets } from "../budgets.ts";
import type { Asked } from "./command.ts";
import { askedBy } from "./command.ts";
import { shownMs } from "./durations.ts";
import { at, listAt, numberAt, textAt } from "./finding.ts";

/** What the other objects of the deployment say of the container. */
export interface Surroundings {
  /** whether what the container lacks may stand in another file */
  readonly isPatch: boolean;
  /** not for a container that runs once and ends */
  readonly isReadinessNeeded: boolean;
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

/** What a probe asks for; undefined for one that asks nothing of the health server that is known. */
interface Request extends Asked {
  readonly shownPort: string;
  /** whether it only opens a socket */
  readonly isSocket: boolean;
}

const requestOf = (container: unknown, probe: unknown): Request | undefined => {
  const how = at(probe, "httpGet") !== undefined ? "httpGet" : at(probe, "tcpSocket") !== undefined ? "tcpSocket" : undefined;
  if (how === undefined) {
    const asked = askedBy(listAt(probe, "exec", "command").map(String));
    return asked === undefined ? undefined : { ...asked, shownPort: String(asked.port), isSocket: false };
  }
  const port = portOf(container, probe, how);
  const shownPort = Number.isNaN(port)
    ? `${textAt(probe, how, "port") ?? "none"}, which no containerPort is named`
    : String(port);
  return { port, shownPort, path: (textAt(probe, how, "path") ?? "/").split("?", 1)[0]!, isSocket: how === "tcpSocket" };
};

const targetProblems = (name: ProbeName, container: unknown, budgets: Budgets, isPortKnown: boolean): string[] => {
  const probe = at(container, name);
  if (textAt(probe, "grpc", "port") === String(budgets.healthPort) && isPortKnown)
    return [`${name} asks by gRPC, and the health server speaks HTTP: ask ${paths[name][0]} by httpGet`];
  const asked = requestOf(container, probe);
  if (asked === undefined) return [];
  const isVariable = Number.isNaN(asked.port) && at(probe, "exec") !== undefined;
  const isKnown = asked.path === "/healthz" || asked.path === "/readyz";
  const found: string[] = [];
  const isOther = isPortKnown && budgets.healthPort !== 0 && !isVariable && asked.port !== budgets.healthPort;
  if (isOther) found.push(`${name} asks port ${asked.shownPort}, and the health server listens on ${budgets.healthPort}`);
  if (asked.isSocket)
    return name === "readinessProbe"
      ? [...found, `readinessProbe opens a socket only: ${consequences[name]}; ask /readyz`]
      : found;
  // the routes of another server are not known
  if (!paths[name].includes(asked.path) && (isKnown || !isOther))
    found.push(
      `${name} asks ${asked.path}: ${isKnown ? consequences[name] : "there is no such route, so it is always 404"}; ask ${paths[name][0]}`,
    );
  return found;
};

const requestProblems = (name: ProbeName, container: unknown, budgets: Budgets, surroundings: Surroundings): string[] => {
  const probe = at(container, name);
  const found = targetProblems(name, container, budgets, surroundings.isPortKnown);
  if ((textAt(probe, "httpGet", "scheme") ?? "HTTP").toUpperCase() !== "HTTP")
    found.push(`${name} asks by HTTPS, and the health server speaks HTTP`);
  const header = listAt(probe, "httpGet", "httpHeaders").find((one) => textAt(one, "name")?.toLowerCase() === "host");
  const host = (textAt(header, "value") ?? "").replace(/:\d+$/, "");
  if (host !== "" && !surroundings.isServed(host))
    found.push(`${name} asks under the name ${host}, which gets 421: put it into SG_ALLOWED_HOSTS, or leave the header out`);
  return found;
};

const bootProblems = (container: unknown, { bootMs }: Budgets, isPatch: boolean): string[] => {
  const startup = at(container, "startupProbe");
  const liveness = at(container, "livenessProbe");
  if (startup !== undefined)
    return lastsMs(startup) >= bootMs
      ? []
      : [
          `startupProbe gives up after ${shownMs(lastsMs(startup))}, and the boot may last ${shownMs(bootMs)}: raise failureThreshold`,
        ];
  if (isPatch || liveness === undefined || lastsMs(liveness) >= bootMs) return [];
  return [
    `there is no startupProbe, and livenessProbe kills after ${shownMs(lastsMs(liveness))}, while the boot may last ${shownMs(bootMs)} and nothing listens before its end`,
  ];
};

const drainProblems = (
  container: unknown,
  { drainDelayMs }: Budgets,
  { isPatch, isReadinessNeeded, isDelayKnown, takesRequests }: Surroundings,
): string[] => {
  const readiness = at(container, "readinessProbe");
  if (readiness === undefined)
    return isPatch || !isReadinessNeeded
      ? []
      : ["there is no readinessProbe: requests come while it boots, drains, and while Redis is away"];
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
    ...bootProblems(container, budgets, surroundings.isPatch),
    ...drainProblems(container, budgets, surroundings),
    ...ownGraceProblems(container, budgets),
  ];
};
