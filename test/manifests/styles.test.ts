/** `manifests check` on files as they are found: nothing is named in them, and of one that is broken by one edit, that fault alone. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { checkFiles } from "../../src/manifests/check/check.ts";
import { configurationOf, sourcesOf } from "../../src/service/options/configuration.ts";
import { resolveOptions } from "../../src/service/options/options.ts";
import type { Edit } from "../kit/broken-kubernetes.ts";
import { brokenKubernetes } from "../kit/broken-kubernetes.ts";

const fixtures = fileURLToPath(new URL("../fixtures/manifests/", import.meta.url));
const files = readdirSync(fixtures, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(fixtures.length));
const folder = mkdtempSync(join(tmpdir(), "sg-styles-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const given = { serviceName: "orders" };
const options = configurationOf(resolveOptions(given), sourcesOf(given));
const problemsIn = (file: string): string[] => checkFiles([file], { options }).map(({ problem }) => problem);

/** Writes a file with one edit; refuses an edit that changes nothing. */
let made = 0;
const edited = (name: string, from: string, to: string): string => {
  const text = readFileSync(join(fixtures, name), "utf8");
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  made += 1;
  const file = join(folder, String(made), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text.replace(from, to));
  return file;
};

describe("a file that contradicts nothing", () => {
  it.each(files)("%s has no fault", (file) => {
    expect(problemsIn(join(fixtures, file))).toEqual([]);
  });
});

const others: readonly Edit[] = [
  [
    "TimeoutSec behind TimeoutStopSec",
    "user.service",
    "Restart=always",
    "TimeoutStopSec=40s\nTimeoutSec=10",
    /^TimeoutSec is 10 s, and stopping/,
  ],
  [
    "TimeoutSec that is too short for both",
    "orders@.service",
    "TimeoutSec=90",
    "TimeoutSec=20",
    /^TimeoutSec is 20 s, the boot may last 71 s, and stopping/,
  ],
  [
    "a kill by the name of its signal",
    "user.service",
    "Restart=always",
    "ExecStop=/usr/bin/kill --signal KILL $MAINPID",
    /^ExecStop kills/,
  ],
  ["a restart that kills", "user.service", "Restart=always", "RestartKillSignal=SIGKILL", /^RestartKillSignal=SIGKILL/],
  [
    "a mistyped variable with a specifier",
    "user.service",
    "SG_INSTANCE_ID=%H",
    "SG_INSTANCEID=%H",
    /^SG_INSTANCEID is not a variable/,
  ],
  [
    "a timeout on a continued line",
    "user.service",
    "Restart=always",
    "TimeoutStopSec= \\\n  # a comment\n  10s",
    /^TimeoutStopSec is 10 s/,
  ],
  [
    "an image that only the service's name shows",
    "docker-compose.yml",
    "    stop_grace_period: 26s\n",
    "",
    /^stop_grace_period is 10 s/,
  ],
  [
    "a published range of ports",
    "docker-compose.yml",
    "      SG_HEALTH_HOST: 0.0.0.0\n",
    '    ports: ["9000-9100:9000-9100"]\n',
    /^the health port 9090 is published/,
  ],
  [
    "a check that asks without a scheme",
    "docker-compose.yml",
    "http://localhost:9090",
    "localhost:9091",
    /^the health check asks port 9091/,
  ],
  [
    "a check of another server",
    "docker-compose.yml",
    "localhost:9090/healthz",
    "localhost:3000/",
    /^the health check asks port 3000/,
  ],
  ["a command that an earlier stage has", "inherited.Dockerfile", '["node", "orders.js"]', '["npm", "start"]', /^npm stands/],
  ["a signal that an earlier stage has", "inherited.Dockerfile", "STOPSIGNAL SIGTERM", "STOPSIGNAL 9", /^STOPSIGNAL SIGKILL/],
  ["pm2 in front of the service", "distroless.Dockerfile", '["orders.js"]', '["pm2-runtime", "orders.js"]', /^pm2-runtime kills/],
  ["a quoted variable", "shell.Dockerfile", '"5000"', '"5s"', /^SG_DRAIN_DELAY_MS \(drainDelayMs\)/],
  ["the stop timeout of podman", "orders.container", "StopTimeout=30\n", "", /^StopTimeout is 10 \(the default\)/],
  [
    "the stop timeout of podman in its arguments",
    "pod.container",
    "--stop-timeout=45",
    "--stop-timeout 5",
    /^StopTimeout is 5, /,
  ],
  ["a unit of podman that stops too soon", "pod.container", "TimeoutStopSec=70", "TimeoutStopSec=7", /^TimeoutStopSec is 7 s/],
  [
    "a unit of podman that starts too late",
    "pod.container",
    "TimeoutStartSec=120",
    "TimeoutStartSec=12",
    /^TimeoutStartSec is 12 s/,
  ],
  ["npm in a container of podman", "orders.container", "Exec=node orders.js", "Exec=npm start", /^Exec: npm stands/],
  [
    "a shell in a container of podman",
    "pod.container",
    '["/usr/bin/tini", "--", "node"]',
    '["/bin/sh", "-c", "node orders.js"]',
    /^Exec: a shell/,
  ],
  ["a stop signal in a container of podman", "orders.container", "AutoUpdate=registry", "StopSignal=9", /^StopSignal=SIGKILL/],
  [
    "a check of another port in a container of podman",
    "orders.container",
    "127.0.0.1:9090/healthz",
    "127.0.0.1:9091/healthz",
    /^the health check asks port 9091/,
  ],
];

describe("a file with one edit", () => {
  it.each([...brokenKubernetes, ...others])("has %s and no other fault", (_, file, from, to, problem) => {
    expect(problemsIn(edited(file, from, to))).toEqual([expect.stringMatching(problem)]);
  });
});
