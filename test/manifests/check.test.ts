/** `manifests check`: each broken file has one fault, which is named; good ones have none, those that `manifests` writes included. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { budgetsOf } from "../../src/manifests/budgets.ts";
import { checkFiles } from "../../src/manifests/check/check.ts";
import { composeMs, systemdMs } from "../../src/manifests/check/durations.ts";
import { composeFiles, dockerFiles } from "../../src/manifests/containers.ts";
import { kubernetesFiles } from "../../src/manifests/kubernetes.ts";
import { unitFiles } from "../../src/manifests/systemd.ts";
import { configurationOf, sourcesOf } from "../../src/service/options/configuration.ts";
import { resolveOptions } from "../../src/service/options/options.ts";

const folder = mkdtempSync(join(tmpdir(), "sg-manifests-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const optionsOf = (given: object = {}) => {
  const options = { serviceName: "orders", ...given };
  return configurationOf(resolveOptions(options), sourcesOf(options));
};
let made = 0;
/** Writes files, by name, into a folder of their own. */
const write = (files: Readonly<Record<string, string>> | ReadonlyMap<string, string>): string[] => {
  made += 1;
  return [...(files instanceof Map ? files : Object.entries(files))].map(([name, text]) => {
    const file = join(folder, String(made), name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  });
};
const problemsIn = (files: Readonly<Record<string, string>> | ReadonlyMap<string, string>, given: object = {}): string[] =>
  checkFiles(write(files), { options: optionsOf(given) }).map(({ problem }) => problem);

/** A pod's container and what stands around it; each part may be replaced. */
interface Parts {
  readonly kind?: string;
  readonly command?: string;
  readonly env?: string;
  readonly spec?: string;
  readonly startup?: string;
  readonly readiness?: string;
  readonly liveness?: string;
  readonly container?: string;
  readonly ports?: string;
}
const container = ({ command, env, startup, readiness, liveness, container: more, ports }: Parts): string => `
      - name: orders
        image: orders:1
        command: ${command ?? '["node", "orders.js"]'}
        env: ${env ?? '[{name: SG_HEALTH_HOST, value: "0.0.0.0"}, {name: SG_DRAIN_DELAY_MS, value: "12000"}]'}
        ports: ${ports ?? "[{name: health, containerPort: 9090}]"}
        startupProbe: ${startup ?? "{httpGet: {path: /healthz, port: health}, periodSeconds: 2, failureThreshold: 45}"}
        readinessProbe: ${readiness ?? "{httpGet: {path: /readyz, port: 9090}, periodSeconds: 5, failureThreshold: 2}"}
        livenessProbe: ${liveness ?? "{httpGet: {path: /healthz, port: health}}"}
        ${more ?? "resources: {}"}`;
const podSpec = (parts: Parts): string => `
    ${parts.spec ?? "terminationGracePeriodSeconds: 30"}
    containers:${container(parts)}`;
const indented = (text: string, by: number): string => text.replaceAll("\n", `\n${" ".repeat(by)}`);
const workload = (parts: Parts = {}): string => {
  const kind = parts.kind ?? "Deployment";
  const head = `apiVersion: v1\nkind: ${kind}\nmetadata: {name: orders, labels: {app: orders}}\nspec:`;
  if (kind === "Pod") return `${head}${podSpec(parts)}\n`;
  const template = `\n  template:\n    metadata: {labels: {app: orders}}\n    spec:${indented(podSpec(parts), 4)}`;
  if (kind === "CronJob") return `${head}\n  schedule: "0 * * * *"\n  jobTemplate:\n    spec:${indented(template, 4)}\n`;
  return `${head}\n  replicas: 3\n  selector: {matchLabels: {app: orders}}${template}\n`;
};
const unit = (lines: readonly string[], without: readonly string[] = []): string => {
  const own = ["Type=notify", "NotifyAccess=all", "ExecStart=/usr/bin/node /opt/orders/orders.js", "TimeoutStopSec=30s"];
  const kept = own.filter((line) => ![...lines, ...without].some((other) => other.split("=")[0] === line.split("=")[0]));
  return `[Unit]\nDescription=orders\n\n[Service]\n${[...kept, ...lines].join("\n")}\n`;
};
const compose = (lines: readonly string[]): string =>
  `services:\n  redis:\n    image: redis:7\n  orders:\n    image: orders:1\n${[
    "stop_grace_period: 30s",
    'command: ["node", "orders.js"]',
  ]
    .filter((line) => !lines.some((other) => other.split(":")[0] === line.split(":")[0]))
    .concat(lines)
    .map((line) => `    ${line}\n`)
    .join("")}`;
const docker = (...lines: string[]): string => `FROM node:22 AS build\nRUN npm ci\n\nFROM node:22-slim\n${lines.join("\n")}\n`;

const health = '[{name: SG_HEALTH_HOST, value: "0.0.0.0"}';

type Broken = [what: string, file: string, text: string, problem: RegExp];
const broken: readonly Broken[] = [
  [
    "a grace period under the stop's budget",
    "a.yaml",
    workload({ spec: "terminationGracePeriodSeconds: 20" }),
    /^terminationGracePeriodSeconds is 20, and stopping may last 26 s/,
  ],
  [
    "a grace period that preStop uses up",
    "a.yaml",
    workload({ env: `${health}]`, container: "lifecycle: {preStop: {sleep: {seconds: 10}}}" }),
    /preStop sleeps 10 s before it: set at least 36/,
  ],
  [
    "a preStop on top of the drain delay",
    "a.yaml",
    workload({
      spec: "terminationGracePeriodSeconds: 60",
      container: 'lifecycle: {preStop: {exec: {command: ["sh", "-c", "sleep 10"]}}}',
    }),
    /^preStop sleeps 10 s on top of the drain delay of 12 s/,
  ],
  [
    "a startup probe under the boot's budget",
    "a.yaml",
    workload({ startup: "{httpGet: {path: /healthz, port: 9090}, periodSeconds: 5, failureThreshold: 6}" }),
    /^startupProbe gives up after 30 s, and the boot may last 71 s/,
  ],
  [
    "no startup probe, and a liveness probe that kills a boot",
    "a.yaml",
    workload().replace(/\n +startupProbe.*/, ""),
    /^there is no startupProbe, and livenessProbe kills after 30 s/,
  ],
  ["no readiness probe", "a.yaml", workload().replace(/\n +readinessProbe.*/, ""), /^there is no readinessProbe/],
  [
    "a liveness probe on readiness",
    "a.yaml",
    workload({ liveness: "{httpGet: {path: /readyz, port: health}}" }),
    /^livenessProbe asks \/readyz: a service that is not ready/,
  ],
  [
    "a readiness probe on liveness",
    "a.yaml",
    workload({ readiness: "{httpGet: {path: /healthz, port: health}, periodSeconds: 5}".replace("5}", "3}") }),
    /^readinessProbe asks \/healthz/,
  ],
  [
    "a route that is not there",
    "a.yaml",
    workload({ liveness: "{httpGet: {path: /health, port: health}}" }),
    /^livenessProbe asks \/health: there is no such route/,
  ],
  [
    "a port that is not the health port",
    "a.yaml",
    workload({ liveness: "{httpGet: {path: /healthz, port: 8080}}" }),
    /^livenessProbe asks port 8080, and the health server listens on 9090/,
  ],
  [
    "a name that no port has",
    "a.yaml",
    workload({ liveness: "{httpGet: {path: /healthz, port: web}}" }),
    /^livenessProbe asks port web, which no containerPort is named/,
  ],
  [
    "a health server on loopback",
    "a.yaml",
    workload({ env: '[{name: SG_DRAIN_DELAY_MS, value: "12000"}]' }),
    /^the health server listens on 127\.0\.0\.1, where no kubelet/,
  ],
  [
    "a drain delay that readiness does not notice",
    "a.yaml",
    workload({ readiness: "{httpGet: {path: /readyz, port: health}}" }),
    /^readinessProbe notices after 30 s .* the drain delay is 12 s/,
  ],
  [
    "no drain delay under a Service",
    "a.yaml",
    `${workload({ env: `${health}]` })}---\napiVersion: v1\nkind: Service\nmetadata: {name: orders}\nspec: {selector: {app: orders}}\n`,
    /^the drain delay is 0/,
  ],
  [
    "npx in front of the service",
    "a.yaml",
    workload({ command: '["npx", "stargazer", "run", "./orders.js"]' }),
    /^npx stands in front of the service/,
  ],
  [
    "a shell in front of the service",
    "a.yaml",
    workload({ command: '["/bin/sh", "-c", "cd /app && node orders.js"]' }),
    /^a shell stands in front/,
  ],
  ["a probe by HTTPS", "a.yaml", workload({ liveness: "{httpGet: {path: /healthz, port: health, scheme: HTTPS}}" }), /by HTTPS/],
  [
    "a probe under a name that gets 421",
    "a.yaml",
    workload({ liveness: "{httpGet: {path: /healthz, port: health, httpHeaders: [{name: Host, value: orders.example.org}]}}" }),
    /gets 421/,
  ],
  [
    "a variable with a unit",
    "a.yaml",
    workload({ env: `${health}, {name: SG_DRAIN_DELAY_MS, value: "12000"}, {name: SG_STOP_TIMEOUT_MS, value: 8s}]` }),
    /^SG_STOP_TIMEOUT_MS \(stopTimeoutMs\) must be a whole number, not "8s"/,
  ],
  [
    "a variable that is none",
    "a.yaml",
    workload({ env: `${health}, {name: SG_DRAIN_DELAY_MS, value: "12000"}, {name: SG_DRAIN_TIMEOUT, value: "9000"}]` }),
    /^SG_DRAIN_TIMEOUT is not a variable .*SG_DRAIN_TIMEOUT_MS/,
  ],
  [
    "a budget of a variable over the grace period",
    "a.yaml",
    workload({ env: `${health}, {name: SG_DRAIN_DELAY_MS, value: "12000"}, {name: SG_SHUTDOWN_TIMEOUT_MS, value: "60000"}]` }),
    /stopping may last 61 s/,
  ],
  [
    "a disruption budget without room",
    "a.yaml",
    `${workload()}---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: orders}\nspec: {minAvailable: 3, selector: {matchLabels: {app: orders}}}\n`,
    /^minAvailable is 3 of 3 replicas/,
  ],
  [
    "the template of a CronJob",
    "a.yaml",
    workload({ kind: "CronJob", spec: "terminationGracePeriodSeconds: 5" }),
    /^terminationGracePeriodSeconds is 5,/,
  ],
  [
    "the spec of a Pod",
    "a.yaml",
    workload({ kind: "Pod", spec: "terminationGracePeriodSeconds: 5" }),
    /^terminationGracePeriodSeconds is 5,/,
  ],
  ["a unit that stops too soon", "a.service", unit(["TimeoutStopSec=20"]), /^TimeoutStopSec is 20 s, and stopping may last 26 s/],
  [
    "a unit whose start is too short",
    "a.service",
    unit(["TimeoutStartSec=1min"]),
    /^TimeoutStartSec is 60 s, and the boot may last 71 s/,
  ],
  ["TimeoutSec for both", "a.service", unit(["TimeoutSec=75s 500ms", "TimeoutStopSec=25000ms"]), /^TimeoutStopSec is 25 s/],
  ["a notify access that drops the messages", "a.service", unit([], ["NotifyAccess"]), /^NotifyAccess is main \(the default\)/],
  [
    "a watchdog under the block that is allowed",
    "a.service",
    unit(["WatchdogSec=5s"]),
    /^WatchdogSec is 5 s, and the event loop may be blocked for 30 s/,
  ],
  ["a signal that ends at once", "a.service", unit(["KillSignal=SIGKILL"]), /^KillSignal=SIGKILL/],
  ["KillMode=none", "a.service", unit(["KillMode=none"]), /^KillMode=none/],
  ["npm in a unit", "a.service", unit(["ExecStart=/usr/bin/npm start"]), /^ExecStart: npm stands/],
  ["a shell in a unit", "a.service", unit(["ExecStart=/bin/sh -c 'node /opt/orders.js'"]), /^ExecStart: a shell/],
  ["a service that forks", "a.service", unit(["Type=forking"]), /^Type=forking/],
  ["memory that may not be compiled into", "a.service", unit(["MemoryDenyWriteExecute=yes"]), /^MemoryDenyWriteExecute/],
  ["a stop that kills", "a.service", unit(["ExecStop=/bin/kill -9 $MAINPID"]), /^ExecStop kills/],
  [
    "a drain delay as long as the stop, in a unit",
    "a.service",
    unit(['Environment="SG_DRAIN_DELAY_MS=25000" NODE_ENV=production']),
    /^SG_DRAIN_DELAY_MS \(25000\) must be less/,
  ],
  [
    "compose without a grace period",
    "compose.yaml",
    compose(["restart: always"]).replace(/ +stop_grace_period.*\n/, ""),
    /^stop_grace_period is 10 s \(the default\)/,
  ],
  [
    "a grace period of compose under the budget",
    "compose.yaml",
    compose(["stop_grace_period: 20s"]),
    /^stop_grace_period is 20 s, /,
  ],
  [
    "a grace period without a unit",
    "compose.yaml",
    compose(["stop_grace_period: 30"]),
    /^stop_grace_period is "30", which is no duration/,
  ],
  ["a stop signal that kills", "compose.yaml", compose(["stop_signal: SIGKILL"]), /^stop_signal SIGKILL/],
  ["npm in compose", "compose.yaml", compose(["command: npm start"]), /^npm stands/],
  [
    "a health check under the boot's budget",
    "compose.yaml",
    compose([
      'healthcheck: {test: ["CMD", "curl", "-f", "http://localhost:9090/healthz"], interval: 5s, retries: 3, start_period: 10s}',
    ]),
    /^the health check gives up after 25 s/,
  ],
  [
    "a health check of another port",
    "compose.yaml",
    compose(['healthcheck: {test: "curl -f http://localhost:8080/healthz"}']),
    /^the health check asks port 8080/,
  ],
  [
    "a published port that listens on loopback",
    "compose.yaml",
    compose(['ports: ["9090:9090"]']),
    /^the health port 9090 is published/,
  ],
  [
    "a Redis in the container itself",
    "compose.yaml",
    compose(["environment: [REDIS_URL=redis://localhost:6379]"]),
    /^REDIS_URL names localhost/,
  ],
  ["CMD in the form of a shell", "Dockerfile", docker("CMD node orders.js"), /^a shell stands in front/],
  ["npm in a Dockerfile", "Dockerfile", docker('CMD ["npm", "start"]'), /^npm stands/],
  ["STOPSIGNAL that kills", "Dockerfile", docker("STOPSIGNAL 9", 'CMD ["node", "orders.js"]'), /^STOPSIGNAL SIGKILL/],
  [
    "a HEALTHCHECK under the boot's budget",
    "Dockerfile",
    docker(
      "HEALTHCHECK --interval=5s --retries=2 \\\n  CMD curl -f http://127.0.0.1:9090/healthz",
      'ENTRYPOINT ["node"]',
      'CMD ["orders.js"]',
    ),
    /^the health check gives up after 10 s/,
  ],
];

describe("a broken file", () => {
  it.each(broken)("with %s has that fault and no other", (_, file, text, problem) => {
    const found = problemsIn({ [file]: text });
    expect(found).toEqual([expect.stringMatching(problem)]);
  });

  it("in a drop-in is found with its unit, and a drop-in that corrects the unit counts", () => {
    expect(problemsIn({ "a.service": unit([]), "a.service.d/10-stop.conf": "[Service]\nTimeoutStopSec=5\n" })).toEqual([
      expect.stringMatching(/^TimeoutStopSec is 5 s/),
    ]);
    expect(
      problemsIn({ "a.service": unit(["TimeoutStopSec=5"]), "a.service.d/10-stop.conf": "[Service]\nTimeoutStopSec=1min\n" }),
    ).toEqual([]);
  });

  it("that gives a variable an effect which the program takes away is named", () => {
    const env = `${health}, {name: SG_DRAIN_DELAY_MS, value: "12000"}, {name: SG_STOP_TIMEOUT_MS, value: "9000"}]`;
    expect(problemsIn({ "a.yaml": workload({ env }) }, { stopTimeoutMs: 5000 })).toEqual([
      "SG_STOP_TIMEOUT_MS has no effect: the program sets stopTimeoutMs itself (5000)",
    ]);
  });
});

describe("a good file", () => {
  const good: readonly [what: string, file: string, text: string][] = [
    ...["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Pod"].map((kind): [string, string, string] => [
      kind,
      "a.yaml",
      workload({ kind }),
    ]),
    ["the default grace period", "a.yaml", workload({ spec: "restartPolicy: Always" })],
    ["a shell that replaces itself", "a.yaml", workload({ command: '["sh", "-c", "cd /app && exec node orders.js"]' })],
    [
      "preStop in place of the drain delay",
      "a.yaml",
      workload({
        spec: "terminationGracePeriodSeconds: 40",
        env: `${health}]`,
        container: "lifecycle: {preStop: {sleep: {seconds: 10}}}",
      }),
    ],
    [
      "variables that stand elsewhere",
      "a.yaml",
      workload({ env: "[]", container: "envFrom: [{configMapRef: {name: elsewhere}}]" }),
    ],
    [
      "a ConfigMap in the same file",
      "a.yaml",
      `${workload({ env: "[]", container: "envFrom: [{configMapRef: {name: own}}]" })}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {SG_HEALTH_HOST: 0.0.0.0, SG_DRAIN_DELAY_MS: "12000"}\n`,
    ],
    [
      "a container beside it",
      "a.yaml",
      `${workload()}      - {name: proxy, image: envoy, livenessProbe: {httpGet: {path: /, port: 1}}}\n`.replace(
        "      - {name: proxy",
        "          - {name: proxy",
      ),
    ],
    ["objects of other kinds", "a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"],
    ["a unit with a watchdog", "a.service", unit(["WatchdogSec=1min 5s", "KillMode=mixed", "TimeoutStartSec=infinity"])],
    ["a unit of Type=exec", "a.service", unit(["Type=exec", "TimeoutStartSec=5"], ["NotifyAccess"])],
    [
      "a unit with comments and a list that is reset",
      "a.service",
      unit([
        "ExecStop=/bin/kill -9 $MAINPID",
        "# a comment",
        "ExecStop=",
        "ExecStart=",
        "ExecStart=-/usr/bin/env NODE_ENV=production \\",
        "  node /opt/orders.js",
      ]),
    ],
    [
      "compose with init and a health check",
      "compose.yaml",
      compose([
        "init: true",
        'healthcheck: {test: ["CMD-SHELL", "wget -q http://127.0.0.1:9090/healthz"], start_period: 1m20s}',
        "stop_grace_period: 1m",
      ]),
    ],
    [
      "compose with a Dockerfile and a unit in its text",
      "compose.yaml",
      compose(["x-notes: |", "  FROM node", "  [Service]", "  KillMode=none"]),
    ],
    [
      "compose with variables of its own",
      "compose.yaml",
      compose(["environment: {SG_HEALTH_HOST: 0.0.0.0, REDIS_URL: 'redis://redis:6379', TOKEN: }", 'ports: ["9090:9090"]']),
    ],
    [
      "a Dockerfile with an entry point",
      "Dockerfile",
      docker("ENV SG_DRAIN_DELAY_MS=5000 NODE_ENV=production", 'ENTRYPOINT ["tini", "--", "node"]', 'CMD ["orders.js"]'),
    ],
    ["a Dockerfile whose shell replaces itself", "Dockerfile", docker("CMD exec node orders.js")],
  ];
  it.each(good)("with %s has no fault", (_, file, text) => {
    expect(problemsIn({ [file]: text })).toEqual([]);
  });

  it.each([
    [{}],
    [{ redis: null, useHealthServer: false }],
    [{ drainDelayMs: 15_000, shutdownTimeoutMs: 40_000, startTimeoutMs: 300_000, healthHost: "0.0.0.0", healthPort: 9999 }],
    [{ drainDelayMs: 3000, livenessBlockMs: 120_000 }],
  ])("is what manifests writes for a service with %j", (given) => {
    const budgets = budgetsOf({ options: optionsOf(given) });
    const written = { image: undefined, command: ["orders.js"] };
    for (const files of [kubernetesFiles, unitFiles, dockerFiles, composeFiles])
      expect(problemsIn(files(budgets, written), given)).toEqual([]);
  });
});

it("a unit quotes a word with a blank, and what systemd would expand in it", () => {
  const budgets = budgetsOf({ options: optionsOf({}) });
  const [text] = unitFiles(budgets, { image: undefined, command: [String.raw`a b\c"%$.js`] }).values();
  expect(text).toContain(String.raw`ExecStart=/usr/bin/env node "a b\\c\"%%$$.js"`);
});

describe("a file that cannot be read", () => {
  it.each([
    [
      "that bombs",
      "a.yaml",
      `a: &a [1, 1]\n${Array.from({ length: 9 }, (_, at) => `${"bcdefghij"[at]}: &${"bcdefghij"[at]} [${Array(9).fill(`*${"abcdefghi"[at]}`).join(", ")}]`).join("\n")}\n`,
      /cannot be read: Excessive alias count/,
    ],
    ["that is not YAML", "a.yaml", "kind: [", /is not YAML/],
    ["of another kind", "a.yaml", "a: 1", /is no unit of systemd, no Dockerfile/],
    ["that is too large", "a.yaml", `# ${"x".repeat(1_000_001)}`, /is larger than 1000000 bytes/],
  ])("%s is refused", (_, file, text, problem) => {
    expect(() => problemsIn({ [file]: text })).toThrow(problem);
  });
});

describe("durations", () => {
  it.each([
    ["90", 90_000],
    ["1min 30s", 90_000],
    ["1min30s", 90_000],
    ["500ms", 500],
    ["2500000us", 2500],
    ["1.5h", 5_400_000],
    ["infinity", Number.POSITIVE_INFINITY],
    ["soon", Number.NaN],
    ["5 parsecs", Number.NaN],
    ["", Number.NaN],
  ])("%s of systemd is %s ms", (text, ms) => {
    expect(systemdMs(text)).toBe(ms);
  });
  it.each([
    ["1m30s", 90_000],
    ["500ms", 500],
    ["1.5s", 1500],
    ["30", Number.NaN],
    ["1 month", Number.NaN],
  ])("%s of compose is %s ms", (text, ms) => {
    expect(composeMs(text)).toBe(ms);
  });
});
