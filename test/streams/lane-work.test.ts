/** The lanes of one worker, while Redis answers several calls at once. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { openRedis } from "../../src/redis/connection.ts";
import { LaneWork } from "../../src/streams/lane-work.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

it("a lease that was passed on with a reply that comes beside that of its renewal is not lost", async () => {
  const client = openRedis(redis.url, { commandTimeout: 60_000, socketTimeout: 60_000 });
  await client.connect();
  const [stopping, left] = [new AbortController(), new AbortController()];
  const handled: string[] = [];
  let answerFirst = (): void => {};
  const first = new Promise<void>((resolve) => {
    answerFirst = resolve;
  });
  const options = {
    ...{ redis: client, stream: "sg:stream:test", group: "g", laneFields: ["lane"], leaseMs: 600_000, maxEntryBytes: 1000 },
    ...{ concurrency: 1, maxAttempts: 3, maxLostLeases: 5, retryMs: 10, log: silentLogger },
    parse: (fields: readonly Uint8Array[]) => ({ ok: true, value: String(fields[3]) }) as const,
    handle: async (id: string, { signal }: { readonly signal: AbortSignal }) => {
      if (id === "1") await first;
      handled.push(`${id} ${signal.aborted}`);
      return undefined;
    },
  };
  const work = new LaneWork(options, { stopping: stopping.signal, left: left.signal }, () => {});
  try {
    await work.join();
    for (const id of ["1", "2"]) await redis.witness.xadd("sg:stream:test", "*", "lane", "a", "id", id);
    await work.claim({ signal: stopping.signal });
    redis.freeze();
    const { commandQueue } = client as unknown as { readonly commandQueue: { readonly length: number } };
    answerFirst();
    await eventually("the first one is being settled", () => commandQueue.length === 1);
    const renewed = work.renew();
    await eventually("the lease is being renewed", () => commandQueue.length === 2);
    redis.thaw();
    await renewed;
    await work.idle();
    expect(handled).toEqual(["1 false", "2 false"]);
  } finally {
    redis.thaw();
    left.abort();
    client.disconnect();
  }
});
