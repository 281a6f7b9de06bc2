/** Checks Kubernetes objects: the template of each workload that runs a service, and disruption budgets. */
import { isIP } from "node:net";
import { isLoopback } from "../../loopback.ts";
import { budgetsOf } from "../budgets.ts";
import { problemOfWords, sleepSeconds } from "./command.ts";
import { shownMs } from "./durations.ts";
import type { Checked, Finding } from "./finding.ts";
import { at, listAt, numberAt, textAt } from "./finding.ts";
import { probeProblems } from "./probes.ts";
import { variableProblems } from "./variables.ts";

const kindOf = (object: unknown): string => textAt(object, "kind") ?? "";
const nameOf = (object: unknown): string => `${kindOf(object)} ${textAt(object, "metadata", "name") ?? "without a name"}`;

/** The pod's spec, wherever the kind has it. */
const podSpecOf = (object: unknown): unknown => {
  if (kindOf(object) === "Pod") return at(object, "spec");
  if (kindOf(object) === "CronJob") return at(object, "spec", "jobTemplate", "spec", "template", "spec");
  return at(object, "spec", "template", "spec");
};
const labelsOf = (object: unknown): unknown =>
  kindOf(object) === "Pod" ? at(object, "metadata", "labels") : at(object, "spec", "template", "metadata", "labels");

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** What is known of a container's environment, and whether more of it comes from elsewhere. */
interface Environment {
  readonly variables: ReadonlyMap<string, string>;
  /** variables whose value comes from elsewhere */
  readonly unknown: ReadonlySet<string>;
  readonly isWhole: boolean;
}

const environmentOf = (container: unknown, objects: readonly unknown[]): Environment => {
  const variables = new Map<string, string>();
  const unknown = new Set<string>();
  let isWhole = true;
  for (const source of listAt(container, "envFrom")) {
    const name = textAt(source, "configMapRef", "name");
    const map = objects.find((one) => kindOf(one) === "ConfigMap" && textAt(one, "metadata", "name") === name);
    const prefix = textAt(source, "prefix") ?? "";
    if (name === undefined || map === undefined) isWhole = false;
    for (const [key, value] of Object.entries((at(map, "data") as object | undefined) ?? {}))
      variables.set(prefix + key, String(value));
  }
  for (const entry of listAt(container, "env")) {
    const name = textAt(entry, "name") ?? "";
    const value = textAt(entry, "value");
    const isReference = at(entry, "valueFrom") !== undefined || /\$\(/.test(value ?? "");
    if (isReference) {
      unknown.add(name);
      variables.delete(name);
    } else variables.set(name, value ?? "");
  }
  return { variables, unknown, isWhole };
};

const isOurs = (container: unknown): boolean => {
  const text = JSON.stringify([
    at(container, "command"),
    at(container, "args"),
    at(container, "livenessProbe"),
    at(container, "readinessProbe"),
    at(container, "startupProbe"),
  ]);
  const names = listAt(container, "env").map((entry) => textAt(entry, "name") ?? "");
  return (
    names.some((name) => name.startsWith("SG_") || name === "REDIS_URL") || /stargazer|\bnode\b|\/healthz|\/readyz/.test(text)
  );
};

/** The containers that run a service: those with a sign of it, else the only one, else the first. Sidecars are containers too. */
const containersOf = (spec: unknown): readonly unknown[] => {
  const containers = listAt(spec, "containers");
  const sidecars = listAt(spec, "initContainers").filter((container) => textAt(container, "restartPolicy") === "Always");
  const ours = [...containers, ...sidecars].filter(isOurs);
  return ours.length > 0 ? ours : containers.slice(0, 1);
};

/** Whether other pods reach it: a Service selects it, or a port beside that of its health. */
const takesRequests = (object: unknown, container: unknown, healthPort: number, objects: readonly unknown[]): boolean => {
  const labels = labelsOf(object);
  const isSelected = objects.some(
    (one) =>
      kindOf(one) === "Service" &&
      Object.entries((at(one, "spec", "selector") as object | undefined) ?? { "": "" }).every(
        ([key, value]) => textAt(labels, key) === value,
      ),
  );
  return isSelected || listAt(container, "ports").some((port) => numberAt(port, 0, "containerPort") !== healthPort);
};

const graceProblems = (spec: unknown, container: unknown, stopMs: number, drainDelayMs: number): string[] => {
  const graceMs = numberAt(spec, 30, "terminationGracePeriodSeconds") * 1000;
  const hook = at(container, "lifecycle", "preStop");
  const slept = numberAt(hook, 0, "sleep", "seconds") || sleepSeconds(strings(at(hook, "exec", "command")));
  const whole = stopMs + slept * 1000;
  const found: string[] = [];
  if (!(graceMs >= whole)) {
    const given = at(spec, "terminationGracePeriodSeconds") === undefined ? " (the default)" : "";
    const beside = slept > 0 ? `, and preStop sleeps ${slept} s before it` : "";
    found.push(
      `terminationGracePeriodSeconds is ${graceMs / 1000}${given}, and stopping may last ${shownMs(stopMs)}${beside}: set at least ${Math.ceil(whole / 1000)}`,
    );
  }
  if (slept > 0 && drainDelayMs > 0)
    found.push(
      `preStop sleeps ${slept} s on top of the drain delay of ${shownMs(drainDelayMs)}: leave it out, the delay does the same`,
    );
  return found;
};

const containerFindings = (
  object: unknown,
  container: unknown,
  spec: unknown,
  objects: readonly unknown[],
  checked: Checked,
): string[] => {
  const environment = environmentOf(container, objects);
  const budgets = budgetsOf(checked, environment.variables);
  const { healthHost, hasHealth, fixed } = budgets;
  const command = at(container, "command") ?? at(container, "args");
  const words =
    at(container, "command") === undefined
      ? strings(command)
      : [...strings(at(container, "command")), ...strings(at(container, "args"))];
  const signals = problemOfWords(words);
  const isHostKnown = fixed.has("healthHost") || (environment.isWhole && !environment.unknown.has("SG_HEALTH_HOST"));
  const hasProbes = ["startupProbe", "livenessProbe", "readinessProbe"].some((name) =>
    ["httpGet", "tcpSocket"].some((how) => at(container, name, how) !== undefined),
  );
  const mayBeReached = hasHealth && hasProbes;
  return [
    ...variableProblems(checked.options, environment.variables),
    ...(signals === undefined ? [] : [signals]),
    ...graceProblems(spec, container, budgets.stopMs, budgets.drainDelayMs),
    ...(mayBeReached && isHostKnown && isLoopback(healthHost)
      ? [`the health server listens on ${healthHost}, where no kubelet reaches it: set SG_HEALTH_HOST to 0.0.0.0`]
      : []),
    ...probeProblems(container, budgets, {
      isPortKnown: fixed.has("healthPort") || (environment.isWhole && !environment.unknown.has("SG_HEALTH_PORT")),
      isDelayKnown: fixed.has("drainDelayMs") || (environment.isWhole && !environment.unknown.has("SG_DRAIN_DELAY_MS")),
      takesRequests: takesRequests(object, container, budgets.healthPort, objects),
      isServed: (name) =>
        isIP(name) !== 0 ||
        isLoopback(name) ||
        budgets.allowedHosts.some((host) => name === host || (host.startsWith(".") && name.endsWith(host))),
    }),
  ];
};

const workloadFindings = (object: unknown, objects: readonly unknown[], checked: Checked): Finding[] => {
  const spec = podSpecOf(object);
  if (listAt(spec, "containers").length === 0) return [];
  const deadlineMs = numberAt(object, 600, "spec", "progressDeadlineSeconds") * 1000;
  const { bootMs } = budgetsOf(checked);
  const own =
    kindOf(object) === "Deployment" && deadlineMs < bootMs
      ? [
          {
            where: nameOf(object),
            problem: `progressDeadlineSeconds is ${deadlineMs / 1000}, and the boot may last ${shownMs(bootMs)}`,
          },
        ]
      : [];
  return [
    ...own,
    ...containersOf(spec).flatMap((container) =>
      containerFindings(object, container, spec, objects, checked).map((problem) => ({
        where: `${nameOf(object)}, container ${textAt(container, "name") ?? "without a name"}`,
        problem,
      })),
    ),
  ];
};

/** A budget that allows no disruption blocks every drain of a node. */
const disruptionFindings = (object: unknown, objects: readonly unknown[]): Finding[] => {
  const wanted = JSON.stringify(at(object, "spec", "selector", "matchLabels"));
  const workload = objects.find(
    (one) => at(one, "spec", "replicas") !== undefined && JSON.stringify(at(one, "spec", "selector", "matchLabels")) === wanted,
  );
  const least = textAt(object, "spec", "minAvailable");
  const most = textAt(object, "spec", "maxUnavailable");
  const replicas = workload === undefined ? Number.POSITIVE_INFINITY : numberAt(workload, 1, "spec", "replicas");
  const problem =
    most === "0" || most === "0%"
      ? `maxUnavailable is ${most}`
      : least === "100%" || Number(least) >= replicas
        ? `minAvailable is ${least}${Number.isFinite(replicas) ? ` of ${replicas} replicas` : ""}`
        : undefined;
  return problem === undefined
    ? []
    : [{ where: nameOf(object), problem: `${problem}: no pod may ever be evicted, so no node can be drained` }];
};

const itemsOf = (object: unknown): readonly unknown[] => (kindOf(object) === "List" ? listAt(object, "items") : [object]);

/** Every contradiction in `given`; `all` are the objects beside them, in the same file and in others. */
export const kubernetesFindings = (given: readonly unknown[], all: readonly unknown[], checked: Checked): Finding[] => {
  const objects = all.flatMap(itemsOf);
  return given
    .flatMap(itemsOf)
    .flatMap((object) =>
      kindOf(object) === "PodDisruptionBudget" ? disruptionFindings(object, objects) : workloadFindings(object, objects, checked),
    );
};
