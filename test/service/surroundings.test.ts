/** A launched service where Node, the shell or the machine is unusual: it runs, answers, and stops in order. */
import { once } from "node:events";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask } from "../kit/http-client.ts";
import { withPatience } from "../kit/patience.ts";
import type { ProgramOptions } from "../kit/program.ts";
import { endPrograms, Program } from "../kit/program.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(async () => {
  await endPrograms();
  await redis.stop();
});

const shell =
  (line: string) =>
  (command: readonly string[]): readonly string[] => ["/bin/sh", "-c", `${line}; exec "$@"`, "sh", ...command];
const withFlags =
  (...flags: string[]) =>
  ([node = "", ...rest]: readonly string[]): readonly string[] => [node, ...flags, ...rest];
/** a module that renames the machine before the program is loaded */
const hostCalled = (name: string): string =>
  `data:text/javascript,${encodeURIComponent(
    `import os from "node:os"; import { syncBuiltinESMExports } from "node:module"; os.hostname = () => ${JSON.stringify(name)}; syncBuiltinESMExports();`,
  )}`;

const surroundings: Record<string, ProgramOptions> = {
  "NODE_OPTIONS=--inspect=0": { env: { NODE_OPTIONS: "--inspect=0" } },
  "F49: no code generation": { wrap: withFlags("--disallow-code-generation-from-strings") },
  "a heap of 24 MB": { wrap: withFlags("--max-old-space-size=24") },
  "64 file descriptors": { wrap: shell("ulimit -n 64") },
  "a host name in another script": { wrap: withFlags("--import", hostCalled("käse-マシン.local")) },
  "a host name that is no name": { wrap: withFlags("--import", hostCalled(`a b:/"\\${"x".repeat(300)}`)) },
  "an empty host name": { wrap: withFlags("--import", hostCalled("")) },
};

const keysOf = (instanceId: string) => redis.witness.keys(`sg:registry:service:*:${instanceId}`);
/** Resolves with the entry of a service once that runs. */
const entryOf = (instanceId: string) =>
  eventually(`${instanceId} runs`, async () => {
    const [key = ""] = await keysOf(instanceId);
    const entry = JSON.parse((await redis.witness.get(key)) ?? "{}");
    return entry.status === "running" && entry;
  });

it.concurrent.each(Object.entries(surroundings))("%s: a service answers on each path, and stops", async (name, options) => {
  const instanceId = `case-${Object.keys(surroundings).indexOf(name)}`;
  const env = { ...options.env, REDIS_URL: redis.url, SG_TEST: JSON.stringify({ options: withPatience({ instanceId }) }) };
  const program = new Program("service.mjs", { ...options, env });
  const { health } = await entryOf(instanceId);
  for (const path of ["/healthz", "/readyz", "/status", "/metrics"]) expect((await ask(health.port, path)).status).toBe(200);
  program.signal("SIGTERM");
  expect(await program.ended, program.errors).toMatchObject({ code: 0, signal: null });
  expect(program.report).toMatchObject({ outcome: "shutdown", failures: [] });
  expect(await keysOf(instanceId)).toEqual([]);
});

it("F49: without code generation, a server that Fastify serves is refused with the flag that forbids it, and nothing is uncaught", async () => {
  const options = withPatience({ instanceId: "uncompiled", probeThread: false });
  const env = { REDIS_URL: redis.url, SG_TEST: JSON.stringify({ options }) };
  const program = new Program("service.mjs", { env, wrap: withFlags("--disallow-code-generation-from-strings") });
  expect(await program.ended, program.errors).toMatchObject({ code: 1, signal: null });
  expect(program.report).toMatchObject({
    failures: [
      {
        code: "SG_ERR_HEALTH_OPEN_FAILED",
        message: expect.stringMatching(/^the health server cannot be made: .* --disallow-code-generation-from-strings$/),
      },
    ],
  });
  expect(await keysOf("uncompiled")).toEqual([]);
});

it("under node --watch a service stops in order where the watcher is ended", async () => {
  const env = { REDIS_URL: redis.url, SG_TEST: JSON.stringify({ options: { instanceId: "watched" } }) };
  const program = new Program("service.mjs", { env, wrap: withFlags("--watch") });
  await entryOf("watched");
  program.signal("SIGTERM");
  await eventually("the report", () => program.report);
  expect(program.report).toMatchObject({ outcome: "shutdown", reason: "SIGTERM", failures: [] });
});

it("whose standard output is a pipe that is full and never read a service stops, and its lines are complete once it is", async () => {
  const env = { REDIS_URL: redis.url, SG_TEST: JSON.stringify({ run: "chatty", options: { instanceId: "chatty" } }) };
  const program = new Program("service.mjs", { env });
  program.child.stdout!.pause();
  await entryOf("chatty");
  await eventually("all is written", async () => (await redis.witness.get("sg:chatty")) === "done");
  program.signal("SIGTERM");
  await eventually("the entry is gone", async () => (await keysOf("chatty")).length === 0);
  program.child.stdout!.resume();
  await once(program.child, "close");
  expect(program.report).toMatchObject({ outcome: "shutdown", failures: [] });
});
