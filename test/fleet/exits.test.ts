/** What a parent writes of the processes that it keeps, and that a fleet without Redis goes on as before. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ExitJournal } from "../../src/fleet/exits.ts";
import { causeOf } from "../../src/fleet/views.ts";
import type { JournalEntry } from "../../src/journal/entry.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import type { Supervisor } from "../../src/supervisor/index.ts";
import { processChild, supervise } from "../../src/supervisor/index.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let folder: string;
const kept: Supervisor[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  folder = mkdtempSync(join(tmpdir(), "sg-exits-"));
});
afterAll(async () => {
  await Promise.all(kept.map((supervisor) => supervisor.kill()));
  await redis.stop();
  rmSync(folder, { recursive: true, force: true });
});

const crash = "Error: no luck\n    at file:///app/orders.js:1:7 {\n  code: 'E_LUCK'\n}\n\nNode.js v22.1.0\n";
const endedBy = (signal: string) =>
  ({ actor: { getSnapshot: () => ({ context: { exit: { code: null, signal } } }) } }) as unknown as Supervisor;
const given = { service: "orders", instance: "orders-1" };

/** A process that runs `program` under a supervisor whose exits are written to the Redis at `url`. */
const keep = (
  program: string,
  { url = redis.url, restarts = 4, log }: { url?: string; restarts?: number; log?: string } = {},
): { exits: ExitJournal; supervisor: Supervisor } => {
  let names = [given];
  const supervisor = supervise(
    processChild(
      () => ({ command: process.execPath, args: ["--eval", program] }),
      (name) => {
        names = [name];
      },
    ),
    { settings: { maxRestarts: restarts, backoffMs: 600_000, maxBackoffMs: 600_000 }, random: () => 1 },
  );
  const exits = new ExitJournal(url);
  exits.follow({ supervisor, namesOf: () => names, log });
  kept.push(supervisor);
  return { exits, supervisor };
};

const ofInstance = async (instance: string): Promise<JournalEntry[]> => {
  const options = { limit: 100, sinceMs: deadlines.long, signal: AbortSignal.timeout(deadlines.fact) };
  return (await new JournalReader(redis.witness).backwards(options)).filter((entry) => entry.instance === instance);
};
const exitOf = (instance: string) => eventually("the exit", async () => (await ofInstance(instance))[0]);

describe("the exit of a process", () => {
  it("is written under the names that its service sent, with code, cause and the time of the next start", async () => {
    const messages = [
      { type: "named", service: "orders", instance: "own-name" },
      { type: "report", outcome: "failed", reason: "onStart failed", exitCode: 3, error: "EACCES" },
    ];
    keep(`for (const each of ${JSON.stringify(messages)}) process.send(each); process.exitCode = 3; process.disconnect();`);
    const { items, boot } = await exitOf("own-name");
    expect(boot).toBe("");
    expect(items).toEqual([
      {
        kind: "exited",
        at: expect.any(Number),
        exitCode: 3,
        signal: null,
        nextTryAt: expect.any(Number),
        tries: 1,
        cause: "EACCES",
      },
    ]);
  });

  it("has the error in its log as its cause, where the process reported none and was not ended by a signal", async () => {
    const log = join(folder, "orders.log");
    writeFileSync(log, `up\n${crash}`);
    const { supervisor } = keep(
      `process.send({ type: "named", service: "orders", instance: "crashed" }); process.exitCode = 1; process.disconnect();`,
      { log },
    );
    await eventually("the exit", async () =>
      (await ofInstance("crashed")).some(({ items }) => items[0]?.kind === "exited" && items[0].cause === "Error: no luck"),
    );
    await supervisor.kill();
    expect(causeOf({ supervisor: endedBy("SIGKILL"), log })).toBe("");
  });

  it("by a signal is written under the names that were given, without a next start where it was asked for", async () => {
    const { supervisor, exits } = keep("setInterval(() => {}, 1000)");
    await eventually("the process", () => supervisor.actor.getSnapshot().context.pid !== undefined);
    await supervisor.kill();
    await exits.settled();
    expect((await exitOf("orders-1")).items).toMatchObject([
      { exitCode: null, signal: "SIGKILL", nextTryAt: null, tries: 0, cause: "" },
    ]);
  });

  it("without a Redis is not written, and the wait for it ends", async () => {
    const { supervisor, exits } = keep("", { url: "redis://127.0.0.1:1" });
    await supervisor.ended;
    await expect(exits.settled()).resolves.toBeUndefined();
  });
});
