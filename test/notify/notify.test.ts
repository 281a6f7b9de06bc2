/** What systemd is sent, by a stand-in of `systemd-notify` that writes each of its calls to a file. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { endPrograms, Program } from "../kit/program.ts";
import { eventually } from "../kit/wait.ts";

let folder = "";
let sent = "";
const index = new URL("../../dist/src/index.js", import.meta.url).href;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sg-notify-"));
  sent = join(folder, "sent");
  const stand = join(folder, "systemd-notify");
  writeFileSync(stand, `#!/bin/sh\necho "$*" >> "${sent}"\n`);
  chmodSync(stand, 0o755);
});
afterEach(async () => {
  await endPrograms();
  rmSync(sent, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A service of a user's, without Redis. `body` is that of `run`, `path` a folder that is searched for `systemd-notify` alone. */
const start = (body: string, env: Record<string, string> = {}, path = `${folder}${delimiter}${process.env.PATH}`): Program => {
  const file = join(folder, "service.mjs");
  writeFileSync(
    file,
    `import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { launch, StargazerService } from ${JSON.stringify(index)};
class Orders extends StargazerService {
  async onStart({ phase }) {
    await phase("tools", async () => {
      const isSent = (file) => existsSync(file) && readFileSync(file, "utf8").includes("starting.tools");
      while (process.env.UNTIL && !isSent(process.env.UNTIL)) await setTimeout(20);
    });
  }
  async run(context) { const { signal } = context; ${body} }
  onStop() {}
}
launch(() => new Orders({ serviceName: "orders", redis: null, jitterMaxMs: 0, startTimeoutMs: 70000, shutdownTimeoutMs: 9000 }));`,
  );
  return new Program(file, { env: { NOTIFY_SOCKET: "/run/none", ...env, PATH: path } });
};
const calls = (): string[] => {
  try {
    return readFileSync(sent, "utf8").trim().split("\n");
  } catch {
    return [];
  }
};
const call = (what: string, fits: RegExp) =>
  eventually(`${what} in ${calls().join(" | ")}`, () => calls().find((line) => fits.test(line)));
const untilAbort = "await new Promise((resolve) => signal.addEventListener('abort', resolve));";
/** The drain lasts until the stop has been sent. */
const untilSent = `${untilAbort} while (!readFileSync(process.env.UNTIL, "utf8").includes("STOPPING")) await setTimeout(20);`;

describe("systemd is sent", () => {
  it("longer deadlines while the service boots, READY when it runs, and STOPPING with its budget", async () => {
    // the boot goes on once its phase was sent
    const program = start(untilSent, { UNTIL: sent });
    await call("READY", /^READY=1 STATUS=running$/);
    const before = calls().slice(0, calls().indexOf("READY=1 STATUS=running"));
    expect(before.length).toBeGreaterThan(0);
    // 3 attempts of 1000 ms, 2 pauses of 500, 70000, 2000 and 3000 ms, and a margin of 5000
    for (const line of before) expect(line).toMatch(/^EXTEND_TIMEOUT_USEC=84000000 STATUS=\w+/);
    expect(before.join()).toContain("STATUS=starting.tools");
    program.signal("SIGTERM");
    await call("STOPPING", /^STOPPING=1 EXTEND_TIMEOUT_USEC=14000000 STATUS=stopping/);
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(calls().join()).not.toContain("WATCHDOG");
  });

  it("F53: phases are one line, also where their names have breaks, and no longer than an argument may be", async () => {
    start(`await context.phase("a\\nMAINPID=1\\0" + "x".repeat(300_000), async () => { ${untilAbort} });`);
    const line = await call("READY with the phase", /^READY=1 STATUS=running\.a MAINPID=1x+…$/);
    expect(line!.length).toBeLessThan("READY=1 STATUS=".length + 1000);
  });

  it("WATCHDOG while the event loop turns, and nothing once it is blocked", async () => {
    const program = start(
      `await new Promise((resolve) => process.once("SIGUSR1", resolve));
       console.log('{"type":"blocked"}');
       setTimeout(50).then(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
       ${untilAbort}`,
      { WATCHDOG_USEC: "400000" },
    );
    await call("READY", /^READY=1/);
    await eventually("three feeds", () => calls().filter((line) => line === "WATCHDOG=1").length > 2);
    program.signal("SIGUSR1");
    await program.line("the block", ({ type }) => type === "blocked");
    // of a blocked loop nothing comes any more: two looks at the file, further apart than a feed, are the same
    const settled = async () => {
      const first = calls().length;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return calls().length === first;
    };
    expect(await eventually("no more feeds", settled)).toBe(true);
    expect(program.child.exitCode).toBeNull();
  });

  it("WATCHDOG and STOPPING also while phases change faster than systemd can be notified", async () => {
    const program = start(
      `while (!signal.aborted) await context.phase("job", () => setTimeout(1));
       while (!readFileSync(process.env.UNTIL, "utf8").includes("STOPPING")) await setTimeout(20);`,
      { WATCHDOG_USEC: "400000", UNTIL: sent },
    );
    await call("READY", /^READY=1/);
    await eventually("three feeds", () => calls().filter((line) => line === "WATCHDOG=1").length > 2);
    program.signal("SIGTERM");
    await call("STOPPING", /^STOPPING=1/);
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it("nothing of the watchdog where it is for another process, and nothing at all without NOTIFY_SOCKET", async () => {
    const other = start(untilAbort, { WATCHDOG_USEC: "100000", WATCHDOG_PID: "1" });
    await call("READY", /^READY=1/);
    other.signal("SIGTERM");
    await other.ended;
    expect(calls().join()).not.toContain("WATCHDOG");
    rmSync(sent, { force: true });
    const alone = start(untilAbort, { NOTIFY_SOCKET: "" });
    await alone.state("running");
    alone.signal("SIGTERM");
    expect(await alone.ended).toMatchObject({ code: 0 });
    expect(calls()).toEqual([]);
  });
});

describe("a service that systemd cannot be notified of runs, and warns", () => {
  const runsAndWarns = async (program: Program, warning: RegExp): Promise<void> => {
    await program.state("running");
    await eventually(`the warning in ${program.errors}`, () => warning.test(program.errors));
    program.signal("SIGTERM");
    expect(await program.ended, program.errors).toMatchObject({ code: 0 });
    expect(program.errors.match(/is not notified/g)).toHaveLength(1);
    expect(program.errors).not.toContain("still alive");
  };

  it("where systemd-notify is not there, as in a slim image of a container", async () => {
    const empty = mkdtempSync(join(folder, "empty-"));
    await runsAndWarns(start(untilAbort, {}, empty), /systemd-notify is not on the PATH\. .*--sdnotify=conmon/);
  });

  it("where systemd-notify fails", async () => {
    const failing = mkdtempSync(join(folder, "failing-"));
    writeFileSync(join(failing, "systemd-notify"), "#!/bin/sh\necho no such socket >&2\nexit 1\n", { mode: 0o755 });
    await runsAndWarns(start(untilAbort, {}, failing), /systemd-notify failed: no such socket/);
  });

  it("where Node's permission model forbids threads", async () => {
    const known = process.allowedNodeEnvironmentFlags;
    const permission = known.has("--permission") ? "--permission" : "--experimental-permission";
    const options = `${permission} --allow-fs-read=* --allow-fs-write=*`;
    await runsAndWarns(start(untilAbort, { NODE_OPTIONS: options }), /systemd is not notified: .*restricted/);
  });
});

describe("the termination log", () => {
  const log = () => join(folder, "termination-log");

  it("gets the first cause of a failure, and nothing where it is not there", async () => {
    writeFileSync(log(), "");
    const failed = start('throw new Error("the disk is full");', { SG_TERMINATION_LOG: log(), NOTIFY_SOCKET: "" });
    expect(await failed.ended).toMatchObject({ code: 1 });
    expect(readFileSync(log(), "utf8")).toMatch(/^orders: SG_ERR_RUN_FAILED .*the disk is full/);
    const absent = join(folder, "absent");
    const other = start('throw new Error("again");', { SG_TERMINATION_LOG: absent, NOTIFY_SOCKET: "" });
    expect(await other.ended).toMatchObject({ code: 1 });
    expect(() => readFileSync(absent)).toThrow(/ENOENT/);
  });

  it("gets every problem of a wrong configuration, and nothing from a service that was stopped", async () => {
    writeFileSync(log(), "");
    const env = { SG_TERMINATION_LOG: log(), NOTIFY_SOCKET: "" };
    const stopped = start(untilAbort, env);
    await stopped.state("running");
    stopped.signal("SIGTERM");
    await stopped.ended;
    expect(readFileSync(log(), "utf8")).toBe("");
    expect(await start(untilAbort, { ...env, SG_STOP_TIMEOUT_MS: "soon" }).ended).toMatchObject({ code: 2 });
    expect(readFileSync(log(), "utf8")).toMatch(/^SG_ERR_CONFIG_INVALID: .*SG_STOP_TIMEOUT_MS/);
  });
});
