/** A program whose wall clock its plan sets: under libfaketime, where that is installed, else with another Date. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Debian's package libfaketime, for whichever processor. */
const installed = (): string | undefined => {
  const folders = existsSync("/usr/lib") ? readdirSync("/usr/lib").map((name) => join("/usr/lib", name, "faketime")) : [];
  return ["/usr/lib/faketime", "/usr/local/lib/faketime", ...folders]
    .map((folder) => join(folder, "libfaketimeMT.so.1"))
    .find((file) => existsSync(file));
};

export interface WallClock {
  /** `libfaketime` or `Date`: what has the other time */
  readonly how: string;
  readonly env: Readonly<Record<string, string>>;
  close(): void;
}

const preload = fileURLToPath(new URL("../fixtures/wall-clock.cjs", import.meta.url));
const node = { NODE_OPTIONS: `--require "${preload}"` };

/** Of one program. Timers and the monotonic clock stay as they are. */
export const openWallClock = (library = installed()): WallClock => {
  if (library === undefined) return { how: "Date", env: node, close: () => {} };
  const folder = mkdtempSync(join(tmpdir(), "sg-clock-"));
  const file = join(folder, "time");
  writeFileSync(file, "+0");
  return {
    how: "libfaketime",
    env: {
      ...node,
      LD_PRELOAD: library,
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_NO_CACHE: "1",
      FAKETIME_TIMESTAMP_FILE: file,
    },
    close: () => rmSync(folder, { recursive: true }),
  };
};
