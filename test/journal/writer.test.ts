/** The writer of the journal on a real Redis: which items are one message, and what becomes of a message that is refused. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Clock } from "../../src/clock.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import { JournalWriter } from "../../src/journal/writer.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterEach(() => redis.witness.flushall());
afterAll(() => redis.stop());

const signal = () => AbortSignal.timeout(deadlines.fact);
const answered = (writer: JournalWriter) => eventually("the answer", () => writer.unanswered() === 0);

/** A clock that stands until it is advanced. */
class Standing {
  #now = 0;
  #due: (() => void)[] = [];
  readonly clock: Clock = {
    now: () => this.#now,
    setTimeout: (fn) => this.#due.push(fn),
    clearTimeout: () => {},
  };

  advance(ms: number): void {
    this.#now += ms;
    for (const fn of this.#due.splice(0)) fn();
  }
}

const open = async () => {
  const client = openRedis(redis.url);
  await client.connect();
  const author = () => ({ service: "orders", instance: "orders-1", incarnation: 1, boot: "ab", version: "1.0.0" });
  const time = new Standing();
  const writer = new JournalWriter({ redis: client, author, now: () => 0, onRefused: () => {}, clock: time.clock });
  writer.open(client);
  const note = (path: string) => writer.note({ kind: "step", at: 0, path, event: "boot" });
  /** the paths of each message that Redis has */
  const messages = async () => {
    const entries = await new JournalReader(redis.witness).backwards({ limit: 10, sinceMs: 3_600_000, signal: signal() });
    return entries.map(({ items }) => items.map((item) => (item.kind === "step" ? item.path : item.kind)));
  };
  return { client, writer, time, note, messages };
};
const turn = () => new Promise(setImmediate);

describe("the items of a life", () => {
  it("of one turn are one message", async () => {
    const { client, writer, note, messages } = await open();
    note("jitter");
    note("pinging");
    await turn();
    await answered(writer);
    expect(await messages()).toEqual([["jitter", "pinging"]]);
    await closeRedis(client, { signal: signal() });
  });

  it("that come within 25 ms of a message are the next one", async () => {
    const { client, writer, time, note, messages } = await open();
    note("jitter");
    await turn();
    for (const path of ["pinging", "starting"]) {
      note(path);
      await turn();
    }
    time.advance(24);
    await answered(writer);
    expect(await messages()).toEqual([["jitter"]]);
    time.advance(1);
    await answered(writer);
    expect(await messages()).toEqual([["jitter"], ["pinging", "starting"]]);
    await closeRedis(client, { signal: signal() });
  });

  it("are sent at once by a flush, and those behind it wait again", async () => {
    const { client, writer, note, messages } = await open();
    note("jitter");
    await turn();
    note("starting");
    writer.flush();
    note("registering");
    await turn();
    await answered(writer);
    expect(await messages()).toEqual([["jitter"], ["starting"]]);
    await closeRedis(client, { signal: signal() });
  });

  it("are sent in their turn where a message is full", async () => {
    const { client, writer, note, messages } = await open();
    note("jitter");
    await turn();
    for (let count = 0; count < 64; count += 1) note("running");
    await turn();
    await answered(writer);
    expect((await messages()).map(({ length }) => length)).toEqual([1, 64]);
    await closeRedis(client, { signal: signal() });
  });

  it("that wait go with the delete of the entry, ahead of how the boot ends", async () => {
    const { client, writer, note } = await open();
    note("stopping.announcing");
    await turn();
    note("stopping.closing");
    const items = JSON.parse(writer.ending({ outcome: "shutdown", reason: "", failures: [], steps: {} }));
    expect(items.map(([kind, , path]: string[]) => [kind, path])).toEqual([
      ["step", "stopping.closing"],
      ["end", "shutdown"],
    ]);
    await closeRedis(client, { signal: signal() });
  });
});

it("has a message that Redis refused counted as lost, ahead of the next one", async () => {
  const { client, writer, note } = await open();
  const write = async (path: string) => {
    note(path);
    writer.flush();
    await answered(writer);
  };
  await redis.witness.config("SET", "maxmemory", "1");
  await write("jitter");
  await redis.witness.config("SET", "maxmemory", "0");
  await write("pinging");
  const entries = await new JournalReader(redis.witness).backwards({ limit: 10, sinceMs: 3_600_000, signal: signal() });
  expect(entries.flatMap(({ items }) => items)).toMatchObject([
    { kind: "lost", count: 1 },
    { kind: "step", path: "pinging" },
  ]);
  await closeRedis(client, { signal: signal() });
});
