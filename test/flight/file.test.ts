/** The files of the flight recorder: whose they are, how many stay, and what a full disk leaves. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { flightFolder, writeFlight } from "../../src/flight/file.ts";
import type { FlightRecording } from "../../src/flight/index.ts";
import { lived } from "../kit/lived.ts";

let folder: string;
let recording: FlightRecording;
const isRoot = process.getuid?.() === 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sg flights-"));
  recording = await lived({ run: () => Promise.reject(new Error("as planned")) });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const names = () => readdirSync(folder).sort();
/** A recording's name; the larger `at`, the later the time in it. */
const named = (at: number) => `stargazer-flight-2${String(at).padStart(3, "0")}-01-01T00-00-00-000Z-other-a-1.json`;
/** `age`: s since its last write. */
const plant = (name: string, age: number): string => {
  const path = join(folder, name);
  writeFileSync(path, "{}");
  const then = Date.now() / 1000 - age;
  utimesSync(path, then, then);
  return path;
};

describe("F48: recordings", () => {
  it("are at most 32, the oldest by their last write are removed, and the new one stays whatever the names say", () => {
    for (let at = 1; at <= 40; at += 1) plant(named(at), at);
    const written = writeFlight(recording, folder);
    expect(names()).toHaveLength(32);
    expect(statSync(written).size).toBeGreaterThan(1000);
    expect(names()).toContain(named(31));
    expect(names()).not.toContain(named(32));
  });

  it("F39: of a time that is yet to come go first: a clock that was wrong once takes no later recording away", () => {
    for (let at = 1; at <= 40; at += 1) plant(named(at), -100_000 - at);
    const earlier = writeFlight(recording, folder);
    const later = writeFlight({ ...recording, writtenAt: recording.writtenAt + 1000 }, folder);
    expect(names()).toHaveLength(32);
    expect(names()).toEqual(expect.arrayContaining([basename(earlier), basename(later)]));
  });

  it("leave files of other forms, folders and symbolic links where they are", () => {
    const kept = ["mine.json", "stargazer-flight-notes.json", "stargazer-flight-2000-01-01T00-00-00-000Z-a-b-1.json.bak"];
    for (const name of kept) plant(name, 9000);
    mkdirSync(join(folder, named(900)));
    symlinkSync(join(folder, "mine.json"), join(folder, named(901)));
    for (let at = 1; at <= 32; at += 1) plant(named(at), at);
    writeFlight(recording, folder);
    expect(names()).toEqual(expect.arrayContaining([...kept, named(900), named(901)]));
    expect(names()).not.toContain(named(32));
  });

  it.runIf(isRoot)("of other users stay, and are not counted, also where the service runs as root", () => {
    for (let at = 1; at <= 40; at += 1) chownSync(plant(named(at), at), 12_345, 12_345);
    writeFlight(recording, folder);
    expect(names()).toHaveLength(41);
  });

  it("keep their limit and leave no part of a file where the disk takes no more", () => {
    for (let at = 1; at <= 40; at += 1) plant(named(at), at);
    const program = fileURLToPath(new URL("../fixtures/service.mjs", import.meta.url));
    const plan = JSON.stringify({ options: { redis: null, stopTimeoutMs: 200 }, run: "throws" });
    // a limit for the size of a file fails in the middle of a write, as a full disk does
    const { status, stdout } = spawnSync("/bin/sh", ["-c", 'ulimit -f 2; exec "$0" "$@"', process.execPath, program], {
      env: { ...process.env, SG_FLIGHT_DIR: folder, SG_TEST: plan },
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stdout).toContain('"type":"flight.lost"');
    expect(stdout).not.toContain('"type":"flight.written"');
    expect(names()).toEqual(Array.from({ length: 31 }, (_, at) => named(at + 1)));
  });

  it("do not follow a name that is there already, and leave it", () => {
    const path = writeFlight(recording, folder);
    rmSync(path);
    symlinkSync(join(folder, "elsewhere"), path);
    expect(() => writeFlight(recording, folder)).toThrow("EEXIST");
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(names()).toHaveLength(1);
  });

  it("have a name that fits a file system, however long the service's is", () => {
    expect(writeFlight({ ...recording, service: "s".repeat(64), instance: "i".repeat(128) }, folder)).toMatch(/-\d+\.json$/);
  });
});

describe("F48: the folder for recordings", () => {
  const inTmp = () => {
    vi.stubEnv("SG_FLIGHT_DIR", "");
    vi.stubEnv("TMPDIR", folder);
    return flightFolder();
  };

  it("is the user's own below the one for temporary files, with mode 0700", () => {
    const own = inTmp();
    expect(own.startsWith(join(folder, "stargazer-flights-"))).toBe(true);
    expect(writeFlight(recording, own).startsWith(own)).toBe(true);
    expect(lstatSync(own).mode & 0o777).toBe(0o700);
  });

  it("gets back mode 0700 where others could write to it", () => {
    const own = inTmp();
    mkdirSync(own);
    chmodSync(own, 0o777);
    writeFlight(recording, own);
    expect(lstatSync(own).mode & 0o777).toBe(0o700);
  });

  it("is refused where it is a symbolic link", () => {
    const own = inTmp();
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), own);
    expect(() => writeFlight(recording, own)).toThrow(`${own} is a symbolic link or no folder`);
    expect(readdirSync(join(folder, "elsewhere"))).toEqual([]);
  });

  it.runIf(isRoot)("is refused where another user made it", () => {
    const own = inTmp();
    mkdirSync(own);
    chownSync(own, 12_345, 12_345);
    expect(() => writeFlight(recording, own)).toThrow(`${own} belongs to another user`);
    expect(readdirSync(own)).toEqual([]);
  });

  it("that SG_FLIGHT_DIR names is an absolute path, so that the log names the file from everywhere", () => {
    vi.stubEnv("SG_FLIGHT_DIR", "some flights");
    expect(flightFolder()).toBe(join(process.cwd(), "some flights"));
  });
});
