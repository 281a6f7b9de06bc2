/** `manifests check` of the compose files of one deployment: they are merged as compose does, and each fault is named once. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { checkFiles } from "../../src/manifests/check/check.ts";
import { configurationOf, sourcesOf } from "../../src/service/options/configuration.ts";
import { resolveOptions } from "../../src/service/options/options.ts";

const given = { serviceName: "orders" };
const checked = { options: configurationOf(resolveOptions(given), sourcesOf(given)) };
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
const write = (files: Readonly<Record<string, readonly string[]>>): ((name: string) => string) => {
  const folder = mkdtempSync(join(tmpdir(), "sg-compose-"));
  folders.push(folder);
  for (const [name, lines] of Object.entries(files))
    writeFileSync(join(folder, name), `services:\n  orders:\n${lines.map((line) => `    ${line}\n`).join("")}`);
  return (name) => join(folder, name);
};
const problemsIn = (...files: string[]) => checkFiles(files, checked).map(({ problem }) => problem);

const base = ["image: orders:1", 'command: ["node", "orders.js"]', 'ports: ["9090:9090"]'];
const graceful = ["stop_grace_period: 30s", "environment: [SG_HEALTH_HOST=0.0.0.0]"];

describe("a compose file", () => {
  it("has what is merged over it, which compose reads by itself", () => {
    const path = write({ "compose.yaml": base, "compose.override.yaml": graceful });
    expect(problemsIn(path("compose.yaml"))).toEqual([]);
    expect(problemsIn(path("compose.override.yaml"), path("compose.yaml"))).toEqual([]);
  });

  it("has what is merged over it by name, where both are given", () => {
    const path = write({ "docker-compose.yml": base, "docker-compose.prod.yml": graceful });
    expect(problemsIn(path("docker-compose.yml"))).toHaveLength(2);
    expect(problemsIn(path("docker-compose.yml"), path("docker-compose.prod.yml"))).toEqual([]);
  });

  it("is named with the one over it that breaks it, once", () => {
    const path = write({
      "compose.yaml": [...base, ...graceful],
      "compose.prod.yaml": ["stop_grace_period: 5s", "environment: {REDIS_URL: 'redis://localhost:6379'}"],
      "compose.test.yaml": ['command: ["npm", "start"]'],
    });
    const found = checkFiles(["compose.yaml", "compose.prod.yaml", "compose.test.yaml"].map(path), checked);
    expect(found.map(({ file, problem }) => [file, problem])).toEqual([
      [`${path("compose.yaml")} with compose.prod.yaml`, expect.stringMatching(/^stop_grace_period is 5 s/)],
      [`${path("compose.yaml")} with compose.prod.yaml`, expect.stringMatching(/^REDIS_URL names localhost/)],
      [`${path("compose.yaml")} with compose.test.yaml`, expect.stringMatching(/^npm stands/)],
    ]);
  });

  it("that is given by its name alone has its override merged over it once, also where that is given by another path", () => {
    const path = write({ "compose.yaml": [...base, ...graceful], "compose.override.yaml": ["stop_grace_period: 5s"] });
    const here = relative(process.cwd(), path("compose.yaml"));
    for (const given of [
      [here],
      [here, path("compose.override.yaml")],
      [path("compose.yaml"), `./${here}`.replace(".yaml", ".override.yaml")],
    ])
      expect(problemsIn(...given)).toEqual([expect.stringMatching(/^stop_grace_period is 5 s/)]);
  });

  it("of several documents has them merged", () => {
    const path = write({ "compose.yaml": [...base, ...graceful] });
    writeFileSync(
      path("compose.yaml"),
      `services: {orders: {stop_grace_period: 30s}}\n---\nservices: {orders: {image: "orders:1"}}\n`,
    );
    expect(problemsIn(path("compose.yaml")).filter((problem) => problem.startsWith("stop_grace_period"))).toEqual([]);
  });

  it("beside another deployment's is checked alone", () => {
    const path = write({ "compose.yaml": [...base, ...graceful], "other.yaml": base });
    expect(problemsIn(path("compose.yaml"), path("other.yaml"))).toHaveLength(2);
  });
});
