/** A group as a real process on a real Redis: signals, exit codes, the registry, what systemd and Kubernetes get. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Line } from "../kit/program.ts";
import { endPrograms, Program } from "../kit/program.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let folder = "";
beforeAll(async () => {
  redis = await startTestRedis();
  folder = mkdtempSync(join(tmpdir(), "sg-group-"));
  const stand = join(folder, "systemd-notify");
  writeFileSync(stand, `#!/bin/sh\necho "$*" >> "${join(folder, "sent")}"\n`);
  chmodSync(stand, 0o755);
});
afterEach(async () => {
  await endPrograms();
  await redis.witness.flushall();
});
afterAll(async () => {
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

const chain = [{ name: "db" }, { name: "mail", after: ["db"] }, { name: "web", after: ["mail"], onStop: "waits" }];
const group = (test: object, env: Record<string, string> = {}) =>
  new Program("group.mjs", { env: { SG_TEST: JSON.stringify(test), REDIS_URL: redis.url, ...env } });
const enters = (program: Program, service: string, state: string): Promise<Line> =>
  program.line(
    `${service} ${state}`,
    (line) => line.type === "state.entered" && line.service === service && line.state === state,
  );
const outcomes = ({ lines }: Program) => lines.findLast(({ type }) => type === "reports")?.outcomes;
const services = async () => {
  const keys = await redis.witness.keys("sg:registry:service:*");
  return keys.map((key) => key.split(":")[3]).sort();
};
const entered = ({ lines }: Program, state: string) =>
  lines.filter((line) => line.type === "state.entered" && line.state === state).map(({ service }) => service);

describe("a group as a process", () => {
  it("boots in order, and at SIGTERM drains each service before those that it needs; the process exits 0", async () => {
    const program = group({ parts: chain });
    await enters(program, "web", "running");
    expect(await services()).toEqual(["db", "mail", "web"]);
    program.signal("SIGTERM");
    await enters(program, "web", "stopping");
    // the last one has left the registry, and its onStop waits for the test
    await eventually("web has left the registry", async () => !(await services()).includes("web"));
    expect([entered(program, "stopping"), await services()]).toEqual([["web"], ["db", "mail"]]);
    program.write("go\n");
    expect(await program.ended, program.errors).toMatchObject({ code: 0, signal: null });
    expect(entered(program, "starting")).toEqual(["db", "mail", "web"]);
    expect(entered(program, "stopped")).toEqual(["web", "mail", "db"]);
    expect([outcomes(program), await services()]).toEqual([Array(3).fill("shutdown: SIGTERM"), []]);
  });

  it("whose service fails stops in order, exits 1, and writes a recording and the first cause", async () => {
    const log = join(folder, "termination-log");
    writeFileSync(log, "");
    const flights = join(folder, "flights");
    const parts = [{ name: "db" }, { name: "mail", after: ["db"], onStart: "throws" }, { name: "web", after: ["mail"] }];
    const program = group({ parts }, { SG_TERMINATION_LOG: log, SG_FLIGHT_DIR: flights });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(outcomes(program)).toEqual(["shutdown: mail failed", "failed: onStart failed", "shutdown: mail failed"]);
    expect(readFileSync(log, "utf8")).toMatch(/^mail: SG_ERR_START_FAILED .*as planned/);
    expect(readdirSync(flights)).toEqual([expect.stringMatching(/^stargazer-flight-.*-mail-/)]);
    expect([entered(program, "starting"), await services()]).toEqual([["db", "mail"], []]);
  });

  it("apart, whose service fails, goes on with the others until a signal, and exits 1", async () => {
    const parts = [{ name: "db" }, { name: "mail", run: "throws" }, { name: "web", after: ["mail"] }];
    const program = group({ parts, options: { fail: "apart" } });
    await enters(program, "mail", "stopped");
    await enters(program, "web", "stopped");
    expect(program.child.exitCode).toBeNull();
    await enters(program, "db", "running");
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(outcomes(program)).toEqual(["shutdown: SIGTERM", "failed: run failed", "shutdown: mail failed"]);
  });

  it("that is refused rejects with a code before anything boots", async () => {
    const program = group({
      parts: [
        { name: "db", after: ["web"] },
        { name: "web", after: ["db"] },
      ],
    });
    expect(await program.ended).toMatchObject({ code: 1 });
    expect(program.errors).toMatch(/SG_ERR_CONFIG_INVALID/);
    expect(program.errors).toContain("services come after each other in a circle: db -> web -> db.");
    expect(new Set(program.lines.map(({ state }) => state))).toEqual(new Set(["init"]));
  });

  it("is READY for systemd once all of it runs, and STOPPING from the first stop on, with each service's budget", async () => {
    const parts = [{ name: "db" }, { name: "web", after: ["db"], onStart: "waits", onStop: "waits" }];
    const common = { redis: null, useHealthServer: true, shutdownTimeoutMs: 9000 };
    const env = { NOTIFY_SOCKET: "/run/none", PATH: `${folder}${delimiter}${process.env.PATH}` };
    const program = group({ parts, common }, env);
    const calls = () => readFileSync(join(folder, "sent"), "utf8").trim().split("\n");
    const call = (what: string, fits: RegExp) =>
      eventually(what, () => {
        try {
          return calls().find((line) => fits.test(line));
        } catch {
          // nothing was sent yet
          return undefined;
        }
      });
    await call("that db runs and web starts", /STATUS=db running, web starting$/);
    expect(calls().join()).not.toContain("READY");
    program.write("go\n");
    await call("READY", /^READY=1 STATUS=db running, web running$/);
    program.signal("SIGTERM");
    await call("STOPPING", /^STOPPING=1 EXTEND_TIMEOUT_USEC=14000000 STATUS=db running, web stopping/);
    await enters(program, "web", "stopping");
    program.write("go\n");
    expect(await program.ended).toMatchObject({ code: 0 });
  });
});
