/** Writes the Kubernetes files of a service, with the figures of its deadlines. */
import type { Budgets } from "./budgets.ts";
import { probesFor } from "./budgets.ts";
import type { Written } from "./written.ts";
import { imageOf, labelOf, variablesOf } from "./written.ts";

const quoted = (text: string): string => JSON.stringify(text);

const environment = (budgets: Budgets): string[] => {
  const { drainDelayMs } = probesFor(budgets);
  const own = variablesOf(budgets, { drainDelayMs, healthHost: "0.0.0.0" });
  return [
    ...[...own].flatMap(([name, value]) => [`            - name: ${name}`, `              value: ${quoted(value)}`]),
    ...(budgets.hasRedis && !budgets.fixed.has("redis")
      ? [
          "            - name: REDIS_URL",
          "              valueFrom:",
          "                secretKeyRef:",
          `                  name: ${labelOf(budgets)}`,
          "                  key: redis-url",
        ]
      : []),
    "            - name: SG_FLIGHT_DIR",
    '              value: "/tmp"',
  ];
};

const probe = (name: string, path: string, lines: readonly string[]): string[] => [
  `          ${name}:`,
  "            httpGet:",
  `              path: ${path}`,
  "              port: health",
  ...lines.map((line) => `            ${line}`),
];

const probes = (budgets: Budgets): string[] => {
  const figures = probesFor(budgets);
  return [
    "          ports:",
    "            - name: health",
    `              containerPort: ${budgets.healthPort || 9090}`,
    `          # the boot may last ${budgets.bootMs} ms: nothing is killed before`,
    ...probe("startupProbe", "/healthz", [
      `periodSeconds: ${figures.startupPeriod}`,
      "timeoutSeconds: 2",
      `failureThreshold: ${figures.startupThreshold}`,
    ]),
    ...probe("readinessProbe", "/readyz", [
      `periodSeconds: ${figures.readinessPeriod}`,
      "timeoutSeconds: 2",
      `failureThreshold: ${figures.readinessThreshold}`,
    ]),
    `          # /healthz answers 503 by itself where the event loop is blocked for ${budgets.livenessBlockMs} ms`,
    ...probe("livenessProbe", "/healthz", [
      `periodSeconds: ${figures.livenessPeriod}`,
      "timeoutSeconds: 2",
      `failureThreshold: ${figures.livenessThreshold}`,
    ]),
  ];
};

const deployment = (budgets: Budgets, options: Written): string => {
  const label = labelOf(budgets);
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${label}
  labels: &labels
    app.kubernetes.io/name: ${label}
spec:
  replicas: 2
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels: *labels
    spec:
      # stopping may last ${budgets.stopMs} ms; there is no preStop, since SG_DRAIN_DELAY_MS waits for load balancers
      terminationGracePeriodSeconds: ${probesFor(budgets).graceSeconds}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        fsGroup: 1000
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: ${label}
          image: ${quoted(imageOf(budgets, options))}
          terminationMessagePath: /dev/termination-log
          terminationMessagePolicy: File
          env:
${environment(budgets).join("\n")}
${budgets.hasHealth ? `${probes(budgets).join("\n")}\n` : ""}          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: ["ALL"]
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir: {}
`;
};

const disruptionBudget = (budgets: Budgets): string => `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: ${labelOf(budgets)}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      app.kubernetes.io/name: ${labelOf(budgets)}
`;

/** Ingress: the scrape (the kubelet's probes pass every policy). Egress: DNS and Redis. */
const networkPolicy = (budgets: Budgets): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: ${labelOf(budgets)}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: ${labelOf(budgets)}
  policyTypes: ["Ingress", "Egress"]
  ingress:
${
  budgets.hasHealth
    ? `    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: monitoring
      ports:
        - protocol: TCP
          port: health
`
    : "    []\n"
}  egress:
    - ports:
        - protocol: UDP
          port: 53
        - protocol: TCP
          port: 53
${
  budgets.hasRedis
    ? `    - ports:
        - protocol: TCP
          port: 6379
`
    : ""
}`;

const podMonitor = (budgets: Budgets): string => `# needs the Prometheus operator
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: ${labelOf(budgets)}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: ${labelOf(budgets)}
  podMetricsEndpoints:
    - port: health
      path: /metrics
`;

/** File name and text of each. */
export const kubernetesFiles = (budgets: Budgets, options: Written): ReadonlyMap<string, string> =>
  new Map([
    ["deployment.yaml", deployment(budgets, options)],
    ["disruption-budget.yaml", disruptionBudget(budgets)],
    ["network-policy.yaml", networkPolicy(budgets)],
    ...(budgets.hasHealth ? ([["pod-monitor.yaml", podMonitor(budgets)]] as const) : []),
  ]);
