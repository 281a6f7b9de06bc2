/** What a service that fails leaves in the log and in its recording: the error with its stack, and each cause with its own. */
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { Logger, ServiceOptions } from "../../src/index.ts";
import { StargazerError } from "../../src/index.ts";
import { createLogger } from "../../src/logger.ts";
import { TestTier } from "../kit/tier.ts";

/** pino of the version that Fastify brings */
const pino = createRequire(createRequire(import.meta.url).resolve("fastify"))("pino") as (
  options: object,
  to: Writable,
) => Logger;

const database = new Error("the database is away", { cause: new Error("connect ECONNREFUSED") });

/** A life whose `run` fails; the lines that a logger made of it, as JSON. */
const lifeOf = async (make: (write: (text: string) => void) => Logger, own: Partial<ServiceOptions> = {}) => {
  const lines: Record<string, never>[] = [];
  const logger = make((text) => lines.push(JSON.parse(text)));
  const tier = new TestTier({ redis: null, logger, ...own }, { run: () => Promise.reject(database) });
  await tier.runToCompletion();
  return { lines, tier, failed: lines.find(({ type }) => type === "failed")! };
};

describe("the error of a run", () => {
  it("is under err, with its stack and its cause, in the default log", async () => {
    const { lines, failed } = await lifeOf((write) => createLogger({}, { write }));
    expect(failed).toMatchObject({
      msg: "running: run failed: the database is away",
      err: {
        message: "the database is away",
        stack: expect.stringContaining("log.test"),
        cause: { message: "connect ECONNREFUSED", stack: expect.stringContaining("log.test") },
      },
    });
    expect(failed).not.toHaveProperty("cause");
    expect(lines.at(-1)).toMatchObject({
      type: "stopped",
      err: { code: "SG_ERR_RUN_FAILED", cause: { message: database.message } },
    });
    expect(lines.filter(({ msg }) => typeof msg !== "string" || msg === "")).toEqual([]);
  });

  it("is under err with pino, which writes the stacks of its causes", async () => {
    const to = (write: (text: string) => void) => new Writable({ write: (text, _, done) => done(void write(String(text))) });
    const { lines, failed } = await lifeOf((write) => pino({ base: undefined }, to(write)));
    const { err } = failed as unknown as { err: { type: string; message: string; stack: string } };
    expect([err.type, err.message]).toEqual(["Error", "the database is away: connect ECONNREFUSED"]);
    expect(err.stack).toMatch(/log\.test[\s\S]*caused by: Error: connect ECONNREFUSED/);
    expect(lines.filter(({ msg }) => typeof msg !== "string" || msg === "")).toEqual([]);
  });

  it("is in the recording, with its stack and its cause", async () => {
    const { tier } = await lifeOf((write) => createLogger({}, { write }));
    const facts = tier.flight().entries.flatMap((entry) => (entry.kind === "fact" ? [entry.fact] : []));
    expect(facts.find(({ type }) => type === "failed")).toMatchObject({
      cause: {
        message: "the database is away",
        stack: expect.stringContaining("log.test"),
        cause: { message: "connect ECONNREFUSED", stack: expect.stringContaining("log.test") },
      },
    });
  });
});

it("an uncaught error that stops a service is there with its own stack", async () => {
  const lines: Record<string, unknown>[] = [];
  const tier = new TestTier({ redis: null, logger: createLogger({}, { write: (text) => lines.push(JSON.parse(text)) }) });
  await tier.boot();
  await tier.shutdown(new StargazerError("SG_ERR_UNCAUGHT", "uncaught: torn", { cause: new TypeError("torn") }));
  expect(lines.find(({ type }) => type === "failed")).toMatchObject({
    err: { code: "SG_ERR_UNCAUGHT", cause: { name: "TypeError", stack: expect.stringContaining("log.test") } },
  });
  const recorded = tier.flight().entries.find((entry) => entry.kind === "fact" && entry.fact.type === "failed");
  expect(recorded).toMatchObject({
    fact: { cause: { cause: { name: "TypeError", stack: expect.stringContaining("log.test") } } },
  });
});
