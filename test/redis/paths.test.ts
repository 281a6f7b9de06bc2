/** Folders whose names are no plain words: the embedded server, the CLI and the recordings work in each. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { quoted } from "../../src/redis/embedded/quoted.ts";
import { startEmbeddedRedis } from "../../src/redis/embedded/server.ts";
import { redactUrl, redisUrlProblem } from "../../src/redis/url.ts";
import { shellWord } from "../../src/shell-word.ts";

const names = [
  "a b",
  " ends ",
  'a"b',
  "a'b",
  "a#b",
  "a\tb",
  "a\nb",
  "a\\b",
  "a%20b",
  "a?b&c=d",
  "ümlaut",
  "a$(touch x)b",
  "-rf *",
];
const run = promisify(execFile);
const repository = fileURLToPath(new URL("../..", import.meta.url));

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "sg-")));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});
const folderNamed = (name: string): string => {
  const folder = join(root, name);
  mkdirSync(folder);
  return folder;
};

describe.each(names)("F47: in a folder named %j", (name) => {
  it("an embedded Redis starts, also with such a password, answers by its URL, starts again and removes its own", async () => {
    const folder = folderNamed(name);
    vi.stubEnv("TMPDIR", folder);
    let server = await startEmbeddedRedis({ password: name });
    try {
      expect(server.socketPath.startsWith(folder)).toBe(true);
      expect([redisUrlProblem(server.url), URL.canParse(redactUrl(server.url))]).toEqual([undefined, true]);
      expect(new URL(redactUrl(server.url)).searchParams.get("path")).toBe(server.socketPath);
      server = await server.restart();
      const redis = openRedis(server.url);
      await redis.connect();
      expect(await redis.config("GET", "dir")).toEqual(["dir", join(server.socketPath, "..")]);
      await closeRedis(redis, { signal: AbortSignal.timeout(1000) });
    } finally {
      await server.stop();
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  // Node itself loads no ES module from a path with a backslash in it
  if (!name.includes("\\"))
    it("a module runs, its recording is written, and the command in the log shows it", async () => {
      const folder = folderNamed(name);
      cpSync(join(repository, "test/fixtures/service.mjs"), join(folder, "service.mjs"));
      const env = {
        ...process.env,
        TMPDIR: folder,
        SG_FLIGHT_DIR: "flights of it",
        SG_TEST: JSON.stringify({ options: { redis: null, stopTimeoutMs: 200 }, run: "throws" }),
      };
      mkdirSync(join(folder, "node_modules"));
      const link = `ln -s ${shellWord(repository)} ${shellWord(join(folder, "node_modules/stargazer"))}`;
      await run("/bin/sh", ["-c", link]);
      const cli = join(repository, "dist/src/cli/main.js");
      const { stdout } = await run(process.execPath, [cli, "run", "./service.mjs"], { cwd: folder, env }).catch(
        (failure: { stdout: string }) => failure,
      );
      const line = stdout.split("\n").find((text) => text.includes('"flight.written"'))!;
      const [, command] = /npx stargazer (replay .*)$/s.exec(JSON.parse(line).msg)!;
      const replayed = await run("/bin/sh", ["-c", `"$0" "$1" ${command!}`, process.execPath, cli], { cwd: folder, env });
      expect(replayed.stdout).toContain("SG_ERR_RUN_FAILED");
      expect(readdirSync(join(folder, "flights of it"))).toHaveLength(1);
    });
});

describe("F47: a text as one word", () => {
  it("of redis.conf is in quotes, with what would end them escaped", () => {
    expect(quoted('a "b" \\ c\n\t')).toBe('"a \\"b\\" \\\\ c\\n\\t"');
  });

  it("of a shell stays as it is where it is one already", () => {
    expect([shellWord("/tmp/a-b_c.json"), shellWord("it's"), shellWord("")]).toEqual(["/tmp/a-b_c.json", "'it'\\''s'", "''"]);
  });
});
