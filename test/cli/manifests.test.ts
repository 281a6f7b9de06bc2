/** `stargazer manifests`, as a user calls it on a service of their own: the figures are the service's, whatever this shell has set. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { endCli, openShell } from "../kit/cli.ts";

const shell = openShell();
afterEach(endCli);
afterAll(() => shell.remove());

const module = join(shell.folder, "orders.mjs");
writeFileSync(
  module,
  `import { launch, StargazerService } from ${JSON.stringify(new URL("../../dist/src/index.js", import.meta.url).href)};
class Orders extends StargazerService {
  onStart() { console.log("STARTED"); }
  run() {}
  onStop() {}
}
await launch(() => new Orders({ serviceName: "Orders_EU", startTimeoutMs: 289000, shutdownTimeoutMs: 50000 }));`,
);
const run = (args: string[], env: Record<string, string> = {}) => shell.run(["manifests", ...args], { env });

describe("manifests", () => {
  it("k8s has the boot's and the stop's budgets of the module, not those of this shell", async () => {
    const { code, out, err } = await run(["k8s", "--for", module], { SG_START_TIMEOUT_MS: "1", SG_SHUTDOWN_TIMEOUT_MS: "1" });
    expect([code, err]).toEqual([0, expect.not.stringContaining("STARTED")]);
    // 51000 ms and a margin of 4000; 2000 + 4000 + 289000 + 2000 + 3000 ms of the boot, and the margin, each 2 s
    expect(out).toContain("terminationGracePeriodSeconds: 55\n");
    expect(out).toMatch(/startupProbe:\n(?: .*\n)*? +failureThreshold: 152\n/);
    expect(out).toContain("name: orders-eu\n");
    expect(out).not.toContain("preStop:");
    for (const kind of ["Deployment", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"])
      expect(out).toContain(`kind: ${kind}\n`);
  });

  it("writes files into a folder, which check accepts, and refuses with another service's budgets", async () => {
    const folder = join(shell.folder, "deploy");
    for (const kind of ["k8s", "systemd", "docker", "compose"])
      expect(await run([kind, "--for", module, "--out", folder])).toMatchObject({ code: 0 });
    const files = readdirSync(folder).map((name) => join(folder, name));
    expect(files).toHaveLength(8);
    writeFileSync(join(folder, ".dockerignore"), "mine");
    expect((await run(["docker", "--for", module, "--out", folder])).out).toBe(`${join(folder, "Dockerfile")}\n`);
    expect(readFileSync(join(folder, ".dockerignore"), "utf8")).toBe("mine");
    expect((await run(["docker", "--for", module])).out).not.toContain("**/node_modules");
    expect(await run(["check", ...files, "--for", module])).toMatchObject({ code: 0, out: "" });
    writeFileSync(module, readFileSync(module, "utf8").replace("50000", "90000"));
    const { code, out } = await run(["check", "--json", ...files, "--for", module]);
    expect(code).toBe(1);
    const findings = JSON.parse(out) as { file: string; where: string; problem: string }[];
    expect(findings.map(({ problem }) => problem)).toEqual([
      expect.stringMatching(/^TimeoutStopSec is 55 s, and stopping may last 91 s/),
      expect.stringMatching(/^stop_grace_period is 55 s/),
      expect.stringMatching(/^terminationGracePeriodSeconds is 55/),
    ]);
  });

  describe("of a group", () => {
    const group = join(shell.folder, "group.mjs");
    const write = (mail: string) =>
      writeFileSync(
        group,
        `import { launch, StargazerService } from ${JSON.stringify(new URL("../../dist/src/index.js", import.meta.url).href)};
class Part extends StargazerService {
  onStart() { console.log("STARTED"); }
  run() {}
  onStop() {}
}
const part = (serviceName, startTimeoutMs, shutdownTimeoutMs, rest = {}) => () =>
  new Part({ serviceName, startTimeoutMs, shutdownTimeoutMs, jitterMaxMs: 0, useHealthServer: false, redis: null, ...rest });
await launch([
  { service: part("orders", 40000, 20000, { redis: undefined, useHealthServer: true }), after: ["db", "mail"] },
  part("db", 10000, 5000),
  { service: part("mail", 20000, 9000), after: [${mail}] },
  part("aside", 60000, 30000),
]);`,
      );

    it("has the sums of the longest chain, of boots and of stops, and the name and the port of what is probed", async () => {
      write('"db"');
      const { code, out } = await run(["k8s", "--for", group]);
      expect([code, out]).toEqual([0, expect.stringContaining("name: orders\n")]);
      // 34000 ms of stops, 1000 of the process, a margin of 4000
      expect(out).toContain("# stopping may last 35000 ms");
      expect(out).toContain("terminationGracePeriodSeconds: 39\n");
      // 10000 + 20000 + 40000 of onStart; for each service 4000 of its ping gate, 2000 and 3000
      expect(out).toContain("# the boot may last 97000 ms");
      expect(out).toContain("key: redis-url");
      write("");
      expect((await run(["k8s", "--for", group])).out).toContain("# stopping may last 31000 ms");
    });

    it("that launch would refuse exits 2, with what is wrong", async () => {
      write('"orders"');
      for (const command of ["manifests", "config"])
        expect(await shell.run([...(command === "config" ? ["config"] : ["manifests", "k8s"]), "--for", group])).toMatchObject({
          code: 2,
          err: expect.stringMatching(/SG_ERR_CONFIG_INVALID.*in a circle: orders -> mail -> orders/s),
        });
    });
  });

  const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
  it.runIf(hasSystemd)("systemd writes a unit that systemd-analyze verifies without a message", async () => {
    const { out } = await run(["systemd"]);
    const file = join(shell.folder, "service.service");
    writeFileSync(file, out);
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
    const ours = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("service.service"));
    expect([status, ours]).toEqual([0, []]);
  });

  it.each([
    [[], /name one of k8s, systemd, docker, compose, check/],
    [["dokcer"], /unknown kind "dokcer" \(did you mean docker\?\): name one of k8s/],
    [["check"], /check needs files/],
    [["check", "no-such.yaml"], /no-such\.yaml is not there/],
    [["k8s", "a.yaml"], /unexpected argument "a\.yaml"/],
    [["check", "a.yaml", "--out", "b"], /check writes nothing/],
  ])("%j is wrong usage or cannot be read, and exits 2", async (args, problem) => {
    expect(await run(args)).toMatchObject({ code: 2, err: expect.stringMatching(problem) });
  });
});
