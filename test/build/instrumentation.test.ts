/** An agent that finds ioredis by its name: it has its spans where the packages are, and none in the bundled door. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { endPrograms, Program } from "../kit/program.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const main = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
afterEach(endPrograms);

/** The commands that the agent saw in the life of a program, which is ended once it runs. */
const spansOf = async (file: string, { args = [], options = [] }: { args?: string[]; options?: string[] }): Promise<string[]> => {
  const program = new Program(file, {
    args,
    env: { REDIS_URL: redis.url, SG_HEALTH_PORT: "0", SG_BOOT_JITTER_MS: "0", NODE_OPTIONS: "" },
    wrap: ([node = "", ...rest]) => [node, "--require", fixture("agent.cjs"), ...options, ...rest],
  });
  await program.state("running");
  program.signal("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 0 });
  return (JSON.parse(program.errors) as { spans: string[] }).spans;
};

describe("an agent that wraps ioredis", () => {
  it("sees the commands of a service behind the plain door", async () => {
    expect(await spansOf("service.mjs", {})).toEqual(expect.arrayContaining(["ping", "evalsha"]));
  });

  it("sees the commands of a tier that the command line runs", async () => {
    expect(await spansOf(main, { args: ["run", "agents"] })).toEqual(expect.arrayContaining(["ping", "evalsha"]));
  });

  it("sees none behind the bundled door, whose packages have no names", async () => {
    expect(await spansOf("service.mjs", { options: ["--conditions=stargazer-bundled"] })).toEqual([]);
  });
});
