/** Checks Kubernetes objects: the template of each workload that runs a service, and disruption budgets. */
import { isIP } from "node:net";
import { isLoopback } from "../../loopback.ts";
import type { Budgets } from "../budgets.ts";
import { budgetsOf } from "../budgets.ts";
import { killsBy, problemOfWords, sleepSeconds } from "./command.ts";
import { disruptionProblem } from "./disruption.ts";
import { shownMs } from "./durations.ts";
import { environmentOf } from "./environment.ts";
import type { Checked, Finding } from "./finding.ts";
import { at, listAt, numberAt, textAt } from "./finding.ts";
import { probeProblems } from "./probes.ts";
import { signalProblems } from "./signals.ts";
import type { Candidate } from "./signs.ts";
import { runningService } from "./signs.ts";
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

/** A container with what stands around it. */
interface Placed {
  readonly object: unknown;
  readonly spec: unknown;
  readonly container: unknown;
}

const runsOnce = (object: unknown): boolean =>
  /^(?:Job|CronJob)$/.test(kindOf(object)) || textAt(object, "metadata", "annotations", "helm.sh/hook") !== undefined;

const candidateOf = ({ object, container }: Placed): Candidate => ({
  name: textAt(container, "name") ?? "",
  image: textAt(container, "image") ?? "",
  variables: listAt(container, "env").map((entry) => textAt(entry, "name") ?? ""),
  commands: ["command", "args", "livenessProbe", "readinessProbe", "startupProbe"].map((part) => at(container, part)),
  runsOnce: runsOnce(object),
  isNeeded: false,
});

/** Sidecars are containers too. */
const containersOf = (object: unknown): Placed[] => {
  const spec = podSpecOf(object);
  const sidecars = listAt(spec, "initContainers").filter((container) => textAt(container, "restartPolicy") === "Always");
  return [...listAt(spec, "containers"), ...sidecars].map((container) => ({ object, spec, container }));
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

/** A container without an image is a patch of one that stands in another file. */
const isPatch = ({ container }: Placed): boolean => at(container, "image") === undefined;

const graceProblems = (placed: Placed, { stopMs, drainDelayMs }: Budgets): string[] => {
  const { spec, container } = placed;
  const graceMs = numberAt(spec, isPatch(placed) ? Number.POSITIVE_INFINITY : 30, "terminationGracePeriodSeconds") * 1000;
  const hook = at(container, "lifecycle", "preStop");
  const words = strings(at(hook, "exec", "command"));
  const slept = numberAt(hook, 0, "sleep", "seconds") || sleepSeconds(words);
  const whole = stopMs + slept * 1000;
  const found: string[] = [];
  if (!(graceMs >= whole)) {
    const given = textAt(spec, "terminationGracePeriodSeconds");
    const beside = slept > 0 ? `, and preStop sleeps ${slept} s before it` : "";
    found.push(
      `terminationGracePeriodSeconds is ${given ?? "30 (the default)"}, and stopping may last ${shownMs(stopMs)}${beside}: set at least ${Math.ceil(whole / 1000)}`,
    );
  }
  if (slept > 0 && drainDelayMs > 0)
    found.push(
      `preStop sleeps ${slept} s on top of the drain delay of ${shownMs(drainDelayMs)}: leave it out, the delay does the same`,
    );
  if (killsBy(words)) found.push(`preStop kills (${words.join(" ")}): leave it out, SIGTERM stops the service in order`);
  return found;
};

const probeNames = ["startupProbe", "livenessProbe", "readinessProbe"] as const;

const isLoopbackProbe = (probe: unknown): boolean =>
  ["httpGet", "tcpSocket"].some((how) => isLoopback(textAt(probe, how, "host") ?? ""));

/** On the network of its node a container is reached at loopback by a probe that names it. */
const reachProblems = ({ spec, container }: Placed, { healthHost, hasHealth }: Budgets, isHostKnown: boolean): string[] => {
  const probes = probeNames.filter((name) => ["httpGet", "tcpSocket"].some((how) => at(container, name, how) !== undefined));
  const onNode = at(spec, "hostNetwork") === true;
  const own = probes.filter((name) => !isLoopbackProbe(at(container, name)));
  const lost = onNode ? [] : probes.filter((name) => isLoopbackProbe(at(container, name)));
  return [
    ...lost.map((name) => `${name} asks loopback, which is that of the node: leave \`host\` out`),
    ...(hasHealth && own.length > 0 && isHostKnown && isLoopback(healthHost)
      ? [`the health server listens on ${healthHost}, where no kubelet reaches it: set SG_HEALTH_HOST to 0.0.0.0, or :: for IPv6`]
      : []),
  ];
};

/** Of a pod with more than one container, another one may be the Redis. */
const redisProblems = ({ spec, object }: Placed, url: string | undefined): string[] => {
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname : "";
  return isLoopback(host) && at(spec, "hostNetwork") !== true && containersOf(object).length === 1
    ? [`REDIS_URL names ${host}, which is the pod itself: name the Service of Redis`]
    : [];
};

const containerProblems = (placed: Placed, objects: readonly unknown[], checked: Checked): string[] => {
  const { object, container } = placed;
  const environment = environmentOf(container, objects, checked);
  const { variables } = environment;
  const budgets = budgetsOf(checked, variables);
  const words = ["command", "args"].flatMap((part) => strings(at(container, part)));
  const signals = problemOfWords(words);
  const isKnown = (option: string, variable: string): boolean =>
    budgets.fixed.has(option) ||
    (!environment.isUnknown(variable) && (variables.has(variable) || (environment.isWhole && !isPatch(placed))));
  return [
    ...environment.problems,
    ...variableProblems(checked.options, variables),
    ...(signals === undefined ? [] : [signals]),
    ...graceProblems(placed, budgets),
    ...signalProblems(textAt(container, "lifecycle", "stopSignal"), "lifecycle.stopSignal "),
    ...redisProblems(placed, variables.get("REDIS_URL")),
    ...reachProblems(placed, budgets, isKnown("healthHost", "SG_HEALTH_HOST")),
    ...probeProblems(container, budgets, {
      isPatch: isPatch(placed),
      isPortKnown: isKnown("healthPort", "SG_HEALTH_PORT"),
      isDelayKnown: isKnown("drainDelayMs", "SG_DRAIN_DELAY_MS"),
      isReadinessNeeded: !runsOnce(object),
      takesRequests: takesRequests(object, container, budgets.healthPort, objects),
      isServed: (name) =>
        isIP(name) !== 0 ||
        isLoopback(name) ||
        budgets.allowedHosts.some((host) => name === host || (host.startsWith(".") && name.endsWith(host))),
    }),
  ];
};

/** Kubernetes gives a rollout up at its deadline. */
const rolloutProblem = (object: unknown, placed: readonly Placed[], objects: readonly unknown[], checked: Checked) => {
  const boots = placed.map(({ container }) => budgetsOf(checked, environmentOf(container, objects, checked).variables).bootMs);
  const bootMs = Math.max(0, ...boots);
  const given = textAt(object, "spec", "progressDeadlineSeconds");
  return kindOf(object) === "Deployment" && Number(given ?? 600) * 1000 < bootMs
    ? `progressDeadlineSeconds is ${given ?? "600 (the default)"}, and the boot may last ${shownMs(bootMs)}`
    : undefined;
};

const itemsOf = (object: unknown): readonly unknown[] => (kindOf(object) === "List" ? listAt(object, "items") : [object]);

/** Every contradiction in an object; `all` are the objects of the deployment, it among them. */
export const kubernetesCheck = (all: readonly unknown[], checked: Checked): ((given: unknown) => Finding[]) => {
  const objects = all.flatMap(itemsOf);
  const ours = runningService(objects.flatMap(containersOf), budgetsOf(checked).service, candidateOf);
  return (given) =>
    itemsOf(given).flatMap((object): Finding[] => {
      const placed = ours.filter((one) => one.object === object);
      const own =
        kindOf(object) === "PodDisruptionBudget"
          ? disruptionProblem(object, objects)
          : rolloutProblem(object, placed, objects, checked);
      return [
        ...(own === undefined ? [] : [{ where: nameOf(object), problem: own }]),
        ...placed.flatMap((one) =>
          containerProblems(one, objects, checked).map((problem) => ({
            where: `${nameOf(object)}, container ${textAt(one.container, "name") ?? "without a name"}`,
            problem,
          })),
        ),
      ];
    });
};
