/** What one `up` leaves for other shells and for the next `up`: the folders of living runs are found and kept, those of ended ones are not. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RunFolder } from "../../machines/index.ts";
import { existingFleetFolder, fleetFolder, openFleetFolder } from "../../src/fleet/folder.ts";
import type { FleetNote } from "../../src/fleet/note.ts";
import { publishNote } from "../../src/fleet/note.ts";
import { livingFleets, openRun } from "../../src/fleet/runs.ts";
import { eventually } from "../kit/wait.ts";

let home: string;
const opened: RunFolder[] = [];
const isRoot = process.getuid?.() === 0;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sg-runs-"));
  vi.stubEnv("TMPDIR", home);
  vi.stubEnv("XDG_RUNTIME_DIR", join(home, "missing"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((run) => run.remove({ keepLogs: false })));
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});
const open = async (): Promise<RunFolder> => {
  const run = await openRun();
  opened.push(run);
  return run;
};
const noteOf = (pid: number): FleetNote => ({ pid, redisUrl: `redis://${pid}`, startedAt: pid, cwd: "/" });

/** The folder of a run whose process was killed, its socket left behind; it is called by the pid of a process that lives. */
const killedRun = async (name: string): Promise<string> => {
  const folder = join(openFleetFolder(), name);
  mkdirSync(folder);
  const listen = `require("net").createServer().listen(${JSON.stringify(join(folder, "up.sock"))}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(readdirSync(folder)).toEqual(["up.sock"]);
  return folder;
};

describe("F41: the run of a process that was killed", () => {
  it("is not found although its pid belongs to a process that lives, and the next run removes it", async () => {
    const folder = await killedRun(`${process.pid}-reused`);
    publishNote(folder, noteOf(process.pid));
    expect(await livingFleets()).toEqual([]);
    expect(existsSync(folder)).toBe(true);
    await open();
    expect(existsSync(folder)).toBe(false);
  });

  it("keeps its logs through the next runs; of many the newest eight stay", async () => {
    const folders: string[] = [];
    for (let at = 0; at < 10; at += 1) {
      const folder = join(openFleetFolder(), `${at + 1}-ended`);
      mkdirSync(folder);
      writeFileSync(join(folder, "web.log"), "the cause\n");
      publishNote(folder, noteOf(at + 1));
      utimesSync(join(folder, "web.log"), at + 1, at + 1);
      folders.push(folder);
    }
    await open();
    expect(folders.map((folder) => existsSync(join(folder, "web.log")))).toEqual([false, false, ...Array(8).fill(true)]);
    expect(folders.some((folder) => existsSync(join(folder, "fleet.json")))).toBe(false);
  });
});

describe("F41: the run of a process that lives", () => {
  it("is found and kept although its pid is of no process here, as that of another container's", async () => {
    const run = await open();
    publishNote(run.path, noteOf(2 ** 30));
    const other = await open();
    publishNote(other.path, noteOf(1));
    expect((await livingFleets()).map(({ pid }) => pid)).toEqual([2 ** 30, 1]);
    expect(existsSync(run.path)).toBe(true);
  });

  it("makes its socket and its note again where a cleaner of old files has removed them, and is found and kept", async () => {
    const run = await open();
    run.publish(noteOf(1));
    for (const name of ["up.sock", "fleet.json"]) rmSync(join(run.path, name));
    expect(readdirSync(run.path)).toEqual([]);
    await eventually("the run is found", async () => (await livingFleets()).length === 1);
    await open();
    expect((await livingFleets()).map(({ pid }) => pid)).toEqual([1]);
    rmSync(join(run.path, "up.sock"));
    await eventually("the run is found a second time", async () => (await livingFleets()).length === 1);
    await run.remove({ keepLogs: false });
    expect(existsSync(run.path)).toBe(false);
  });

  it("is gone when it was removed; with `keepLogs` its logs stay, if there are any", async () => {
    const [logged, silent] = [await openRun(), await openRun()];
    for (const run of [logged, silent]) publishNote(run.path, noteOf(1));
    writeFileSync(join(logged.path, "web.log"), "");
    for (const run of [logged, silent]) await run.remove({ keepLogs: true });
    expect(readdirSync(logged.path)).toEqual(["web.log"]);
    expect(existsSync(silent.path)).toBe(false);
    expect(await livingFleets()).toEqual([]);
  });
});

describe("F50: the folder of the fleets", () => {
  it("is in XDG_RUNTIME_DIR, where no other user can open that", () => {
    const runtime = join(home, "run");
    mkdirSync(runtime, { mode: 0o700 });
    vi.stubEnv("XDG_RUNTIME_DIR", runtime);
    expect(fleetFolder()).toBe(join(runtime, "stargazer"));
    chmodSync(runtime, 0o755);
    expect(dirname(fleetFolder())).toBe(home);
    vi.stubEnv("XDG_RUNTIME_DIR", join(home, "missing"));
    expect(dirname(fleetFolder())).toBe(home);
  });

  it("is looked for in both places, and another user's in the place that is not this shell's hides no fleet", async () => {
    const run = await open();
    publishNote(run.path, noteOf(1));
    const withVariable = join(home, "run");
    mkdirSync(withVariable, { mode: 0o700 });
    vi.stubEnv("XDG_RUNTIME_DIR", withVariable);
    expect((await livingFleets()).map(({ pid }) => pid)).toEqual([1]);
    const other = await open();
    publishNote(other.path, noteOf(2));
    expect(dirname(dirname(other.path))).toBe(withVariable);
    expect((await livingFleets()).map(({ pid }) => pid)).toEqual([2, 1]);
    chmodSync(dirname(run.path), 0o777);
    expect((await livingFleets()).map(({ pid }) => pid)).toEqual([2]);
    chmodSync(dirname(run.path), 0o700);
  });

  it.runIf(isRoot && existsSync("/run/user"))("is looked for in /run/user where a shell lacks XDG_RUNTIME_DIR", async () => {
    const usual = `/run/user/${process.getuid?.()}`;
    const wasThere = existsSync(usual);
    mkdirSync(usual, { recursive: true, mode: 0o700 });
    vi.stubEnv("XDG_RUNTIME_DIR", usual);
    const run = await open();
    const { startedAt } = { startedAt: Date.now() };
    publishNote(run.path, { ...noteOf(1), startedAt });
    vi.stubEnv("XDG_RUNTIME_DIR", "");
    try {
      expect(await livingFleets()).toContainEqual(expect.objectContaining({ startedAt }));
    } finally {
      await run.remove({ keepLogs: false });
      if (!wasThere) rmSync(usual, { recursive: true });
    }
  });

  it("is in /tmp where the path of a socket in it would be too long", () => {
    vi.stubEnv("TMPDIR", join(home, "x".repeat(90)));
    expect(dirname(fleetFolder())).toBe("/tmp");
  });

  it("is made with mode 0700, and there is none before", async () => {
    expect(existingFleetFolder()).toBeUndefined();
    expect(await livingFleets()).toEqual([]);
    const folder = openFleetFolder();
    expect(existingFleetFolder()).toBe(folder);
  });

  const refused = async (how: string): Promise<void> => {
    const error = {
      code: "SG_ERR_CONFIG_INVALID",
      message: expect.stringMatching(new RegExp(`${how}.*XDG_RUNTIME_DIR or TMPDIR`)),
    };
    await expect(livingFleets()).rejects.toMatchObject(error);
    await expect(openRun()).rejects.toMatchObject(error);
  };

  it("is refused where other users can write to it", async () => {
    chmodSync(openFleetFolder(), 0o777);
    await refused("can be written to by other users");
  });

  it("is refused where it is a symbolic link", async () => {
    mkdirSync(join(home, "theirs"), { mode: 0o700 });
    symlinkSync(join(home, "theirs"), fleetFolder());
    await refused("is a symbolic link or no folder");
  });

  it.runIf(isRoot)("is refused where it belongs to another user", async () => {
    chownSync(openFleetFolder(), 65_534, 65_534);
    await refused("belongs to another user");
  });
});
