/** Checks disruption budgets: one that allows no disruption blocks every drain of a node. */
import { at, numberAt, textAt } from "./finding.ts";

const kindOf = (object: unknown): string | undefined => textAt(object, "kind");

const entriesOf = (value: unknown): [string, unknown][] => Object.entries((value as object | undefined) ?? {});

/** Whether the labels of the pods of a workload have all that the budget asks for. */
const isSelected = (workload: unknown, wanted: unknown): boolean => {
  const labels = at(workload, "spec", "template", "metadata", "labels") ?? at(workload, "spec", "selector", "matchLabels");
  return entriesOf(wanted).length > 0 && entriesOf(wanted).every(([key, value]) => textAt(labels, key) === String(value));
};

const replicasOf = (workload: unknown, objects: readonly unknown[]): number => {
  const scaler = objects.find(
    (one) =>
      kindOf(one) === "HorizontalPodAutoscaler" &&
      textAt(one, "spec", "scaleTargetRef", "kind") === kindOf(workload) &&
      textAt(one, "spec", "scaleTargetRef", "name") === textAt(workload, "metadata", "name"),
  );
  return scaler === undefined
    ? numberAt(workload, 1, "spec", "replicas")
    : numberAt(scaler, Number.POSITIVE_INFINITY, "spec", "maxReplicas");
};

/** `50%` of 3 pods is 2 of them: Kubernetes rounds up. */
const countOf = (text: string, replicas: number): number =>
  text.endsWith("%") ? Math.ceil((Number(text.slice(0, -1)) * replicas) / 100) : Number(text);

export const disruptionProblem = (budget: unknown, objects: readonly unknown[]): string | undefined => {
  const wanted = at(budget, "spec", "selector", "matchLabels");
  const workload = objects.find(
    (one) => /^(?:Deployment|StatefulSet|ReplicaSet|Rollout)$/.test(kindOf(one) ?? "") && isSelected(one, wanted),
  );
  const least = textAt(budget, "spec", "minAvailable");
  const most = textAt(budget, "spec", "maxUnavailable");
  const replicas = workload === undefined ? Number.NaN : replicasOf(workload, objects);
  const isWhole = least === "100%" || (least !== undefined && countOf(least, replicas) >= replicas);
  const shown = Number.isFinite(replicas) ? ` of ${replicas} replicas` : "";
  const problem =
    most === "0" || most === "0%" ? `maxUnavailable is ${most}` : isWhole ? `minAvailable is ${least}${shown}` : undefined;
  return problem === undefined ? undefined : `${problem}: no pod may ever be evicted, so no node can be drained`;
};
