/** Each message is delivered at least once and answered once; a live worker keeps its message; a hostile entry reaches no handler. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openBlockingConnection } from "../../src/redis/connection.ts";
import type { ConsumerOptions, Work } from "../../src/streams/consumer.ts";
import { StreamConsumer } from "../../src/streams/consumer.ts";
import { ConsumerGroup } from "../../src/streams/group.ts";
import { streamKeys } from "../../src/streams/keys.ts";
import { answerWrites } from "../../src/tiers/messages/answer.ts";
import type { Inbound } from "../../src/tiers/messages/envelope.ts";
import { maxTextBytes, parseInbound, parseOutbound, toFields } from "../../src/tiers/messages/envelope.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { reply, submit } from "../../src/tiers/messages/producer.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const group = "sg:workers";
const message = (id: string, text = "hello", channel = "c"): Inbound => ({
  id,
  platform: "webchat",
  channel,
  author: "visitor",
  text,
  at: 1,
});
const inbound = () => messageKeys(redis.witness).inbound;
const deadLetters = async () =>
  (await redis.witness.xrange(streamKeys(redis.witness).deadLetters, "-", "+")).map(([, fields]) =>
    Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, at) => [fields[2 * at]!, fields[2 * at + 1]!])),
  );
const pending = async () => ((await redis.witness.xpending(inbound(), group)) as [number])[0];
const consumers = async () => (await redis.witness.xinfo("CONSUMERS", inbound(), group)) as unknown[];
const replies = () => redis.witness.xlen(messageKeys(redis.witness).outbound("webchat"));

/** A promise that the test opens. */
const gateOf = <T>() => {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((open) => {
    resolve = open;
  });
  return { promise, resolve };
};

const quick = { claimIdleMs: 200, retryMs: 20, graceMs: 200 };
const stops: AbortController[] = [];
const running: Promise<void>[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await Promise.all(running.splice(0));
});

/** A worker in this process, until the test ends or `stop` is called. */
const work = (consumer: string, handle: ConsumerOptions<Inbound>["handle"], own: Partial<ConsumerOptions<Inbound>> = {}) => {
  const stop = new AbortController();
  const laneOf = ({ channel }: Inbound) => channel;
  const options = {
    redis: redis.witness,
    stream: inbound(),
    group,
    consumer,
    parse: parseInbound,
    laneOf,
    handle,
    ...quick,
    ...own,
  };
  const ended = new StreamConsumer(options).run({ signal: stop.signal });
  stops.push(stop);
  running.push(ended);
  return { ended, stop: () => stop.abort() };
};

/** `answer` acknowledges the message itself. */
const answers = { handlerAcknowledges: true };
const answer = (taken: Inbound, { entryId }: Work) =>
  reply(redis.witness, {
    group,
    entryId,
    message: taken,
    writes: answerWrites(redis.witness, taken, { text: `re ${taken.text}`, at: 2 }),
  });

/** A consumer that read `count` entries and died before it settled any. */
const died = async (consumer: string, count = 10) => {
  const dead = new ConsumerGroup({ redis: redis.witness, stream: inbound(), group, consumer });
  await dead.ensure();
  return dead.read(redis.witness, count, 1);
};

describe("a consumer group", () => {
  it("handles messages that are older than the group, in order within a conversation, and acknowledges after the work", async () => {
    for (const id of ["1", "2", "3"]) await submit(redis.witness, message(id));
    const seen: [string, number][] = [];
    work("a", async ({ id }) => seen.push([id, await pending()]));
    await eventually("all are settled", async () => seen.length === 3 && (await pending()) === 0);
    expect(seen.map(([id]) => id)).toEqual(["1", "2", "3"]);
    expect(seen.every(([, count]) => count > 0)).toBe(true);
  });

  it("handles the messages of one conversation one after another, and those of another beside them", async () => {
    for (const [id, channel] of [
      ["1", "x"],
      ["2", "x"],
      ["3", "y"],
    ] as const)
      await submit(redis.witness, message(id, "hi", channel));
    const begun: string[] = [];
    const gate = gateOf<void>();
    work("a", async ({ id }) => {
      begun.push(id);
      if (id === "1") await gate.promise;
    });
    await eventually("the other conversation is handled", () => begun.includes("3"));
    expect(begun).not.toContain("2");
    gate.resolve();
    await eventually("the rest", () => begun.includes("2"));
  });

  it("creates its group again after a flush, and goes on", async () => {
    const seen: string[] = [];
    work("a", async ({ id }) => seen.push(id));
    await eventually("the group is there", () => redis.witness.exists(inbound()));
    await redis.witness.flushall();
    await submit(redis.witness, message("after"));
    await eventually("the message", () => seen.includes("after"));
  });

  it("a blocking read has no command deadline, though the client that it is copied from has one", () => {
    const blocking = openBlockingConnection(redis.witness) as Redis;
    expect([redis.witness.options.commandTimeout, blocking.options.commandTimeout]).toEqual([2000, undefined]);
  });

  it("leaves no consumer behind when it stops, and the caller's client open", async () => {
    await submit(redis.witness, message("1"));
    const worker = work("a", async () => {});
    await eventually("it has worked", async () => (await consumers()).length === 1 && (await pending()) === 0);
    worker.stop();
    await worker.ended;
    expect(await consumers()).toEqual([]);
    expect(await redis.witness.ping()).toBe("PONG");
  });

  it("ends while Redis is frozen, so that neither its read nor its last command returns", async () => {
    const worker = work("a", async () => {});
    await eventually("its read blocks", async () => (await redis.witness.info("clients")).includes("blocked_clients:1"));
    redis.freeze();
    try {
      worker.stop();
      await worker.ended;
    } finally {
      redis.thaw();
    }
  });

  it("finishes what is under way when it stops, and begins nothing more", async () => {
    for (const id of ["1", "2"]) await submit(redis.witness, message(id));
    const gate = gateOf<void>();
    const begun: string[] = [];
    const worker = work("a", async ({ id }) => {
      begun.push(id);
      await gate.promise;
    });
    await eventually("the first is under way", () => begun.length === 1);
    worker.stop();
    gate.resolve();
    await worker.ended;
    expect([begun, await pending()]).toEqual([["1"], 1]);
  });

  it("aborts work that outlives its grace, and leaves the message to another worker at once", async () => {
    await submit(redis.witness, message("1"));
    const aborted = gateOf<void>();
    const begun = gateOf<void>();
    const slow = work("a", (_taken, { signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      begun.resolve();
      return new Promise(() => {});
    });
    await begun.promise;
    slow.stop();
    await aborted.promise;
    await slow.ended;
    const taken: number[] = [];
    work("b", async (_taken, { attempt }) => taken.push(attempt), { claimIdleMs: 100 });
    await eventually("the other has it", () => taken.length === 1);
    expect(taken).toEqual([2]);
  });
});

describe("answers", () => {
  it("a message that is delivered twice is answered once", async () => {
    await submit(redis.witness, message("1"));
    const [delivery] = await died("dead");
    work("a", answer, answers);
    await eventually("the answer", async () => (await replies()) === 1 && (await pending()) === 0);
    expect(await answer(message("1"), { entryId: delivery!.id, attempt: 1, signal: AbortSignal.abort() })).toBe(false);
    expect(await replies()).toBe(1);
  });

  it("a message that was written twice is answered once", async () => {
    await submit(redis.witness, message("same"));
    await submit(redis.witness, message("same"));
    work("a", answer, answers);
    await eventually("both are settled", async () => (await redis.witness.xlen(inbound())) === 2 && (await pending()) === 0);
    await eventually("the answer", async () => (await replies()) === 1);
    expect(await deadLetters()).toEqual([]);
  });

  it("an answered message is acknowledged once, by the script that writes the answer", async () => {
    await submit(redis.witness, message("1"));
    await redis.witness.config("RESETSTAT");
    const worker = work("a", answer, answers);
    await eventually("the answer", async () => (await replies()) === 1);
    worker.stop();
    await worker.ended;
    expect(await pending()).toBe(0);
    expect(await redis.witness.info("commandstats")).toContain("cmdstat_xack:calls=1,");
  });

  it("the answer has an id that is made from the message's id", async () => {
    await submit(redis.witness, message("1", "ping"));
    work("a", answer, answers);
    await eventually("the answer", async () => (await replies()) === 1);
    const [entry] = await redis.witness.xrangeBuffer(messageKeys(redis.witness).outbound("webchat"), "-", "+");
    expect(parseOutbound(entry![1])).toEqual({
      ok: true,
      value: { id: "re:1", platform: "webchat", channel: "c", text: "re ping", to: "1", at: 2 },
    });
  });
});

describe("messages that fail", () => {
  it("move to the dead letters after three attempts, acknowledged, and hold up no other conversation", async () => {
    await submit(redis.witness, message("poison", "poison", "p"));
    await submit(redis.witness, message("fine"));
    const attempts: number[] = [];
    const served: string[] = [];
    work("a", async ({ id }, { attempt }) => {
      if (id !== "poison") return served.push(id);
      attempts.push(attempt);
      throw new Error("no answer to this");
    });
    await eventually("the dead letter", async () => (await deadLetters()).length === 1);
    expect([attempts, served, await pending()]).toEqual([[1, 2, 3], ["fine"], 0]);
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({ stream: inbound(), group, reason: "no answer to this", attempts: "3" });
    expect(JSON.parse(letter!.fields!)).toEqual(toFields(message("poison", "poison", "p")));
  });

  it("move to the dead letters too when each of their workers died", async () => {
    await submit(redis.witness, message("killer"));
    await died("first");
    for (const next of ["second", "third"]) {
      const claimer = new ConsumerGroup({ redis: redis.witness, stream: inbound(), group, consumer: next });
      expect(await claimer.claim(0, 10)).toHaveLength(1);
    }
    const taken: string[] = [];
    work("a", async ({ id }) => taken.push(id));
    await eventually("the dead letter", async () => (await deadLetters()).length === 1);
    expect([taken, await pending()]).toEqual([[], 0]);
  });
});

describe("workers that die, and workers that are slow", () => {
  it("a message of a killed process is claimed by another worker", { timeout: 20_000 }, async () => {
    await submit(redis.witness, message("1"));
    const program = fileURLToPath(new URL("../fixtures/worker.mjs", import.meta.url));
    const child = spawn(process.execPath, [program, redis.url, group, "dead", "400"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(createInterface({ input: child.stdout }), "line");
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    work("alive", answer, { ...answers, claimIdleMs: 400 });
    await eventually("the answer", async () => (await replies()) === 1 && (await pending()) === 0);
  });

  it("a live worker keeps its message for many times the claim time", async () => {
    await submit(redis.witness, message("slow"));
    const gate = gateOf<void>();
    const takers: string[] = [];
    const handler =
      (name: string) =>
      async (_taken: Inbound, { signal }: Work) => {
        takers.push(name);
        await gate.promise;
        if (signal.aborted) takers.push(`${name} lost it`);
      };
    work("slow", handler("slow"));
    await eventually("it is under way", () => takers.length === 1);
    let claims = 0;
    const greedy = new ConsumerGroup({ redis: redis.witness, stream: inbound(), group, consumer: "greedy" });
    await eventually("many claims came too early", async () => {
      expect(await greedy.claim(quick.claimIdleMs, 10)).toEqual([]);
      claims += 1;
      const [[, , idle] = []] = (await redis.witness.xpending(inbound(), group, "-", "+", 1)) as [string, string, number][];
      return claims > 100 && idle !== undefined;
    });
    gate.resolve();
    await eventually("it is settled", async () => (await pending()) === 0);
    expect(takers).toEqual(["slow"]);
  });

  it("work is aborted once another worker has claimed its message, and is not tried again", async () => {
    await submit(redis.witness, message("1"));
    const reason = gateOf<unknown>();
    const begun = gateOf<void>();
    let attempts = 0;
    work("slow", (_taken, { signal }) => {
      attempts += 1;
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reason.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    });
    await begun.promise;
    const other = new ConsumerGroup({ redis: redis.witness, stream: inbound(), group, consumer: "other" });
    expect(await other.claim(0, 10)).toHaveLength(1);
    expect(String(await reason.promise)).toContain("another worker");
    expect(attempts).toBe(1);
    expect(await pending()).toBe(1);
  });
});

describe("hostile entries", () => {
  const good = toFields(message("1"));
  const withField = (name: string, value: string | Buffer): (string | Buffer)[] =>
    good.map((part, at) => (good[at - 1] === name && at % 2 === 1 ? value : part));
  const cases: [what: string, fields: (string | Buffer)[], reason: string][] = [
    ["no known field", ["foo", "bar"], "id is missing"],
    ["no text", good.slice(0, 8), "text is missing"],
    ["an empty text", withField("text", "  "), "text is empty"],
    ["a text beyond the limit", withField("text", "x".repeat(maxTextBytes + 1)), "text is too long or not UTF-8"],
    ["bytes that are not UTF-8", withField("text", Buffer.from([0x68, 0xff, 0xfe])), "text is too long or not UTF-8"],
    ["control characters in a name", withField("channel", "a\nb"), "channel has control characters"],
    ["a platform that is a key", withField("platform", "webchat:x"), "platform is not a platform's name"],
    ["a time that is no number", withField("at", "soon"), "at is not a time in ms"],
    ["a field twice", [...good, "id", "2"], "id is there twice"],
    ["a name of an object's own", ["__proto__", "x", "constructor", "y"], "id is missing"],
    ["thousands of fields", Array.from({ length: 9000 }, (_, at) => `f${at}`), "it has more than 32 fields"],
  ];

  it.each(cases)("an entry with %s moves to the dead letters with a reason, unchanged", async (_what, fields, reason) => {
    await redis.witness.xadd(inbound(), "*", ...fields);
    await submit(redis.witness, message("fine"));
    const served: string[] = [];
    work("a", async ({ id }) => served.push(id));
    await eventually(
      "the good one is handled and the other buried",
      async () => served.length === 1 && (await deadLetters()).length === 1,
    );
    const [letter] = await redis.witness.xrangeBuffer(streamKeys(redis.witness).deadLetters, "-", "+");
    const bytes = letter![1];
    expect(bytes[bytes.findIndex((part) => part.toString() === "reason") + 1]!.toString()).toBe(reason);
    const kept = bytes.at(-1)!;
    for (const part of fields.slice(0, 50))
      expect(kept.includes(Buffer.isBuffer(part) ? part : JSON.stringify(part).slice(1, -1))).toBe(true);
    await eventually("nothing is pending", async () => (await pending()) === 0);
  });

  it("submit refuses a message that is not valid, and writes nothing", async () => {
    await expect(submit(redis.witness, message("1", "x".repeat(maxTextBytes + 1)))).rejects.toMatchObject({
      code: "SG_ERR_MESSAGE_INVALID",
    });
    expect(await redis.witness.exists(inbound())).toBe(0);
  });
});

describe("tidying", () => {
  const tidy = () => new ConsumerGroup({ redis: redis.witness, stream: inbound(), group, consumer: "a" }).tidy(0);

  it("drops entries that every group has settled, and none that a group has not read or not finished", async () => {
    for (const id of ["1", "2", "3", "4"]) await submit(redis.witness, message(id));
    await expect(tidy()).rejects.toThrow("NOGROUP");
    expect(await redis.witness.xlen(inbound())).toBe(4);
    await redis.witness.xgroup("CREATE", inbound(), "other", "0");
    const taken = await died("a", 3);
    await redis.witness.xack(inbound(), group, taken[0]!.id, taken[2]!.id);
    await redis.witness.xgroup("SETID", inbound(), "other", "$");
    await tidy();
    const left = await redis.witness.xrange(inbound(), "-", "+");
    expect(left.map(([, fields]) => fields[1])).toEqual(["2", "3", "4"]);
  });

  it("deletes dead consumers without entries, and no others", async () => {
    await submit(redis.witness, message("1"));
    await submit(redis.witness, message("2"));
    const [done] = await died("without", 1);
    await died("holding", 1);
    await redis.witness.xack(inbound(), group, done!.id);
    await tidy();
    const names = (await redis.witness.xinfo("CONSUMERS", inbound(), group)) as unknown[][];
    expect([names.map((consumer) => consumer[1]), await pending()]).toEqual([["holding"], 1]);
  });
});
