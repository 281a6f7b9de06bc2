/** Boots that block, fail or exit in onStart while the registry's connection is not ready: the journal has them, with their cause. */
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FleetModel } from "../../src/instances/model.ts";
import type { Row } from "../../src/instances/row.ts";
import type { JournalEntry } from "../../src/journal/entry.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import { deadlines } from "../kit/deadlines.ts";
import { LoopbackProxy } from "../kit/proxy.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

const program = fileURLToPath(new URL("../fixtures/journaled.mjs", import.meta.url));
let redis: TestRedis;
/** before the registry's connections: it answers nothing */
let stalled: LoopbackProxy;
beforeAll(async () => {
  redis = await startTestRedis();
  stalled = await LoopbackProxy.start(redis.port);
  stalled.mode = "stall";
});
afterAll(async () => {
  await stalled.stop();
  await redis.stop();
});

const entriesOf = async (instance: string): Promise<JournalEntry[]> => {
  const options = { limit: 10_000, sinceMs: deadlines.long, signal: AbortSignal.timeout(deadlines.fact) };
  return (await new JournalReader(redis.witness).backwards(options)).filter((entry) => entry.instance === instance);
};
const rowOf = async (instance: string): Promise<Row | undefined> => {
  const model = new FleetModel();
  for (const entry of await entriesOf(instance)) model.note(entry);
  return model.row(`journaled:${instance}`);
};

/** Of the client that the service is given: a prefix would change the journal's key, and collected commands would be sent too late. */
const clients = {
  "plain client": {},
  "client with a prefix that collects commands": { keyPrefix: "mine:", enableAutoPipelining: true },
};

describe.each(Object.entries(clients))("a boot on a %s, whose registry does not answer", (what, options) => {
  const boot = (stays: string): readonly [instance: string, child: ChildProcess] => {
    const instance = `${stays}-${what.split(" ").length}`;
    const args = [stays, redis.url, instance, String(stalled.port), JSON.stringify(options)];
    return [instance, fork(program, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] })];
  };

  it("is in the journal in starting when onStart blocks the event loop", async () => {
    const [instance, child] = boot("blocked");
    try {
      await eventually("its row", async () => (await rowOf(instance))?.path === "starting");
      expect(await rowOf(instance)).toMatchObject({ kind: "booting", waits: { what: "the tier's onStart" } });
    } finally {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  });

  it("is in the journal in starting when onStart ends the process", async () => {
    const [instance, child] = boot("exiting");
    await once(child, "close");
    await eventually("its row", async () => (await rowOf(instance)) !== undefined);
    expect(await rowOf(instance)).toMatchObject({ kind: "booting", path: "starting" });
  });

  it("has failed with its cause, is counted, and has kept its recording when onStart throws", async () => {
    const [instance, child] = boot("failing");
    await once(child, "close");
    await eventually("its end", async () => (await rowOf(instance))?.end != null);
    expect(await rowOf(instance)).toMatchObject({
      kind: "failed",
      failures: [{ phase: "starting", message: "onStart failed: no model" }],
      end: { outcome: "failed" },
    });
    const paths = (await entriesOf(instance)).flatMap(({ items }) =>
      items.flatMap((item) => (item.kind === "step" ? item.path : [])),
    );
    expect(paths).toEqual(expect.arrayContaining(["starting", "stopping.closing"]));
    expect(await redis.witness.exists(`sg:fleet:flight:journaled:${instance}`)).toBe(1);
    expect(await redis.witness.hkeys("sg:fleet:ends")).toContainEqual(expect.stringContaining('"journaled"'));
  });
});
