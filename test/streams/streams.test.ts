/** Each message is answered once, in the order of its lane; a live worker keeps its message; a hostile entry reaches no handler. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Writes } from "../../src/redis/commands.ts";
import { openBlockingConnection } from "../../src/redis/connection.ts";
import type { Work } from "../../src/streams/attempt.ts";
import type { ConsumerOptions } from "../../src/streams/consumer.ts";
import { LaneConsumer } from "../../src/streams/consumer.ts";
import { laneKeys, streamKeys } from "../../src/streams/keys.ts";
import { Lanes } from "../../src/streams/lanes.ts";
import { answerWrites, noticeWrites } from "../../src/tiers/messages/answer.ts";
import type { Inbound } from "../../src/tiers/messages/envelope.ts";
import { maxTextBytes, parseInbound, parseOutbound } from "../../src/tiers/messages/envelope.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { submit, toFields } from "../kit/messages.ts";
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
const replies = async (field = "to") =>
  (await redis.witness.xrange(messageKeys(redis.witness).outbound("webchat"), "-", "+")).map(
    ([, fields]) => fields[fields.indexOf(field) + 1]!,
  );

/** A promise that the test opens. */
const gateOf = <T>() => {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((open) => {
    resolve = open;
  });
  return { promise, resolve };
};

/** a lease that no busy machine outlasts; the tests about its end have a short one */
const quick = { leaseMs: 60_000, retryMs: 20, graceMs: 200 };
const laneFields = ["platform", "channel"];
const stops: AbortController[] = [];
const running: Promise<void>[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await Promise.all(running.splice(0));
});

type Handle = (message: Inbound, work: Work) => Promise<unknown>;
/** A worker in this process, until the test ends or `stop` is called; without writes it only acknowledges. */
const work = (handle: Handle, own: Partial<ConsumerOptions<Inbound>> = {}) => {
  const stop = new AbortController();
  const options: ConsumerOptions<Inbound> = {
    redis: redis.witness,
    stream: inbound(),
    group,
    laneFields,
    parse: parseInbound,
    handle: async (taken, given) => {
      const writes = (await handle(taken, given)) as Writes | undefined;
      return typeof writes === "object" ? writes : undefined;
    },
    ...quick,
    ...own,
  };
  const ended = new LaneConsumer(options).run({ signal: stop.signal });
  stops.push(stop);
  running.push(ended);
  return { ended, stop: () => stop.abort() };
};
const answer: Handle = async (taken) => answerWrites(redis.witness, taken, { text: `re ${taken.text}`, at: 2 });

/** The calls of a worker that does only what the test calls. */
const worker = async (leaseMs = 60_000): Promise<Lanes> => {
  const lanes = new Lanes({ redis: redis.witness, stream: inbound(), group, laneFields, leaseMs, maxEntryBytes: 1_048_576 });
  await lanes.join();
  return lanes;
};
const leftKeys = async () => {
  const { waiting, lanes, heads } = laneKeys(inbound());
  return (await redis.witness.exists(waiting, lanes, heads)) + (await pending());
};
const settled = () =>
  eventually("nothing is left", async () => (await redis.witness.exists(inbound())) === 1 && (await leftKeys()) === 0);

describe("lanes", () => {
  it("a message that is older than the group is handled, and those of a lane are in order", async () => {
    for (const id of ["1", "2", "3"]) await submit(redis.witness, message(id));
    const seen: string[] = [];
    work(async ({ id }) => seen.push(id));
    await settled();
    expect(seen).toEqual(["1", "2", "3"]);
  });

  it("of one conversation are handled one after another, and another conversation beside them", async () => {
    for (const [id, channel] of [
      ["1", "x"],
      ["2", "x"],
      ["3", "y"],
    ] as const)
      await submit(redis.witness, message(id, "hi", channel));
    const begun: string[] = [];
    const gate = gateOf<void>();
    work(async ({ id }) => {
      begun.push(id);
      if (id === "1") await gate.promise;
    });
    await eventually("the other conversation is handled", () => begun.includes("3"));
    expect(begun).not.toContain("2");
    gate.resolve();
    await eventually("the rest", () => begun.includes("2"));
  });

  it("F32: keep their order over many workers, some of which fail now and then", async () => {
    const channels = Array.from({ length: 6 }, (_, at) => `c${at}`);
    for (let n = 0; n < 120; n += 1) await submit(redis.witness, message(`${n}`, `${n}`, channels[n % 6]!));
    const failing: Handle = (taken, given) => {
      if (given.attempt === 1 && Number(taken.id) % 7 === 0) throw new Error("now and then");
      return answer(taken, given);
    };
    for (let at = 0; at < 4; at += 1) work(failing, { concurrency: 3 });
    await settled();
    const texts = await replies("to");
    expect(texts).toHaveLength(120);
    for (const [at] of channels.entries()) {
      const own = texts.filter((id) => Number(id) % 6 === at).map(Number);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  });

  it("a conversation with many messages leaves room for others after eight in a row", async () => {
    for (let n = 0; n < 20; n += 1) await submit(redis.witness, message(`a${n}`, "hi", "busy"));
    await submit(redis.witness, message("b", "hi", "quiet"));
    const seen: string[] = [];
    work(async ({ id }) => seen.push(id), { concurrency: 1 });
    await eventually("all", () => seen.length === 21);
    expect(seen.indexOf("b")).toBeLessThanOrEqual(8);
  });

  it("a group that is gone after a flush is made again", async () => {
    const seen: string[] = [];
    work(async ({ id }) => seen.push(id));
    await eventually("the group is there", () => redis.witness.exists(inbound()));
    await redis.witness.flushall();
    await submit(redis.witness, message("after"));
    await eventually("the message", () => seen.includes("after"));
  });

  it("what is pending in a group of an older release, or in no lane, is handled too", async () => {
    for (const id of ["1", "2"]) await submit(redis.witness, message(id));
    await redis.witness.xgroup("CREATE", inbound(), group, "0");
    await redis.witness.xreadgroup("GROUP", group, "a-dead-worker", "COUNT", 1, "STREAMS", inbound(), ">");
    await (await worker()).claim(() => 1);
    await redis.witness.del(laneKeys(inbound()).waiting, laneKeys(inbound()).lanes);
    const seen: string[] = [];
    work(async ({ id }) => seen.push(id));
    await settled();
    expect(seen).toEqual(["1", "2"]);
  });

  it("leave three keys on an idle system", async () => {
    await submit(redis.witness, message("1"));
    work(async () => {});
    await settled();
    const { fence, routed } = laneKeys(inbound());
    expect((await redis.witness.keys("*")).sort()).toEqual([inbound(), fence, routed].sort());
  });
});

describe("an idle worker", () => {
  it("has a blocking read without a command deadline, though the client that it is copied from has one", () => {
    const blocking = openBlockingConnection(redis.witness) as Redis;
    expect([redis.witness.options.commandTimeout, blocking.options.commandTimeout]).toEqual([2000, undefined]);
  });

  it("sends nothing but its blocking read", async () => {
    work(async () => {});
    await eventually("its read blocks", async () => (await redis.witness.info("clients")).includes("blocked_clients:1"));
    await redis.witness.config("RESETSTAT");
    await eventually("it has read again", async () => /cmdstat_xread:calls=[1-9]/.test(await redis.witness.info("commandstats")));
    expect(await redis.witness.info("commandstats")).not.toMatch(/cmdstat_(eval|xreadgroup)/);
  });
});

describe("a worker that stops", () => {
  it("leaves nothing of its own, and the caller's client open", async () => {
    await submit(redis.witness, message("1"));
    const { ended, stop } = work(async () => {});
    await settled();
    stop();
    await ended;
    await eventually(
      "its connection is closed",
      async () => !(await redis.witness.info("clients")).includes("blocked_clients:1"),
    );
    expect(await redis.witness.ping()).toBe("PONG");
  });

  it("ends while Redis is frozen, so that neither its read nor its last command returns", async () => {
    const { ended, stop } = work(async () => {});
    await eventually("its read blocks", async () => (await redis.witness.info("clients")).includes("blocked_clients:1"));
    redis.freeze();
    try {
      stop();
      await ended;
    } finally {
      redis.thaw();
    }
  });

  it("finishes what is under way, and begins nothing more", async () => {
    for (const id of ["1", "2"]) await submit(redis.witness, message(id));
    const gate = gateOf<void>();
    const begun: string[] = [];
    const { ended, stop } = work(
      async ({ id }) => {
        begun.push(id);
        await gate.promise;
      },
      { graceMs: 20_000 },
    );
    await eventually("the first is under way", () => begun.length === 1);
    stop();
    gate.resolve();
    await ended;
    expect([begun, await pending()]).toEqual([["1"], 1]);
  });

  it("aborts work that outlives its grace, and hands the message back at once, uncounted", async () => {
    await submit(redis.witness, message("1"));
    const aborted = gateOf<void>();
    const begun = gateOf<void>();
    const slow = work(
      (_taken, { signal }) => {
        signal.addEventListener("abort", () => aborted.resolve());
        begun.resolve();
        return new Promise(() => {});
      },
      { leaseMs: 60_000 },
    );
    await begun.promise;
    slow.stop();
    await aborted.promise;
    await slow.ended;
    const taken: number[] = [];
    work(async (_taken, { attempt }) => taken.push(attempt), { leaseMs: 60_000 });
    await eventually("the other has it", () => taken.length === 1);
    expect(taken).toEqual([1]);
  });
});

describe("answers", () => {
  it("are written in one step with the acknowledgement, with the reply of the first command in a later one", async () => {
    const text = "$0";
    await submit(redis.witness, message("1", text));
    work(answer);
    await settled();
    const [entry] = await redis.witness.xrangeBuffer(messageKeys(redis.witness).outbound("webchat"), "-", "+");
    const [[line] = []] = await redis.witness.xrange(messageKeys(redis.witness).log("webchat", "c"), "-", "+");
    const value = { id: "re:1", platform: "webchat", channel: "c", text: `re ${text}`, to: "1", at: 2, role: "assistant" };
    expect(parseOutbound(entry![1])).toEqual({ ok: true, value: { ...value, log: line } });
    expect(await replies("log")).toEqual([line]);
  });

  it("of a worker that was replaced are refused, and nothing is written", async () => {
    await submit(redis.witness, message("1"));
    const zombie = await worker(1);
    const [task] = (await zombie.claim(() => 1)).taken;
    work(answer);
    await settled();
    const writes = answerWrites(redis.witness, message("1"), { text: "late", at: 3 });
    expect(await zombie.settle(task!, writes, () => true)).toEqual({ isOver: true, hasMore: false });
    expect(await replies("text")).toEqual(["re hello"]);
  });

  it("are written once where the outcome of the call was unknown, and the lane's next message is not lost", async () => {
    for (const id of ["1", "2"]) await submit(redis.witness, message(id));
    const one = await worker();
    const [task] = (await one.claim(() => 1)).taken;
    const writes: Writes = { keys: ["sg:out"], commands: [["XADD", "sg:out", "*", "to", "1"]] };
    const first = await one.settle(task!, writes, () => true);
    expect(await one.settle(task!, writes, () => true)).toEqual(first);
    expect([first.next?.failures, await redis.witness.xlen("sg:out")]).toEqual([0, 1]);
    expect(await one.giveUp(first.next!, { restMs: 0, isCounted: false })).toBe(true);
    expect(await one.settle(task!, writes, () => true)).toEqual({ isOver: true, hasMore: false });
  });

  it.each([
    ["no lists", {}],
    ["no commands", { keys: [] }],
    ["commands that are none", { keys: [], commands: [7] }],
  ])("%s in their place are a failed attempt, and the lane goes on", async (_what, wrong) => {
    for (const id of ["1", "2"]) await submit(redis.witness, message(id, id));
    work(async (taken, given) => (taken.text === "1" ? (wrong as unknown) : answer(taken, given)));
    await eventually("the dead letter", async () => (await deadLetters()).length === 1);
    await settled();
    expect((await deadLetters())[0]).toMatchObject({ attempts: "3", reason: expect.stringMatching(/^these are no writes/) });
    expect(await replies("text")).toEqual(["re 2"]);
  });

  it("a command that Redis refuses is a failed attempt, and the dead letter is written without it", async () => {
    await submit(redis.witness, message("1"));
    await redis.witness.set("sg:text", "no stream");
    const wrong: Writes = { keys: ["sg:text"], commands: [["XADD", "sg:text", "*", "id", "1"]] };
    work(async () => wrong, { buried: () => wrong });
    await eventually("the dead letter", async () => (await deadLetters()).length === 1);
    await settled();
    expect((await deadLetters())[0]).toMatchObject({ attempts: "3", reason: expect.stringMatching(/^WRONGTYPE .* value$/) });
  });
});

describe("messages that fail", () => {
  it("F31: move to the dead letters after three attempts, their author gets a notice, and no other conversation waits", async () => {
    await submit(redis.witness, message("poison", "poison", "p"));
    await submit(redis.witness, message("behind", "behind", "p"));
    await submit(redis.witness, message("fine"));
    const attempts: number[] = [];
    const served: string[] = [];
    work(
      async ({ id }, { attempt }) => {
        if (id !== "poison") return served.push(id);
        attempts.push(attempt);
        throw new Error("no answer to this");
      },
      { buried: (dead) => noticeWrites(redis.witness, dead, { at: 3 }) },
    );
    await settled();
    expect([attempts, served]).toEqual([
      [1, 2, 3],
      ["fine", "behind"],
    ]);
    const [letter] = await deadLetters();
    expect(letter).toMatchObject({ stream: inbound(), group, reason: "no answer to this", attempts: "3" });
    expect(JSON.parse(letter!.fields!)).toEqual(toFields(message("poison", "poison", "p")));
    expect([await replies("role"), await replies("to")]).toEqual([["notice"], ["poison"]]);
  });

  it("move there after the leases of five workers have ended, which are counted apart from failures", async () => {
    await submit(redis.witness, message("killer"));
    const dying = await worker(0);
    const first = (await dying.claim(() => 1)).taken[0]!;
    expect(await dying.giveUp(first, { restMs: 0, isCounted: true })).toBe(true);
    const seen: [number, number][] = [];
    for (let n = 0; n < 5; n += 1) {
      const [task] = (await dying.claim(() => 1)).taken;
      seen.push([task!.failures, task!.lost]);
    }
    expect(seen).toEqual([0, 1, 2, 3, 4].map((lost) => [1, lost]));
    const taken: string[] = [];
    work(async ({ id }) => taken.push(id));
    await settled();
    expect(taken).toEqual([]);
    expect((await deadLetters())[0]).toMatchObject({ reason: expect.stringContaining("5 times"), attempts: "6" });
  });
});

describe("workers that die, and workers that are slow", () => {
  it("F30: a message of a killed process is answered by another worker, once", async () => {
    await submit(redis.witness, message("1"));
    const program = fileURLToPath(new URL("../fixtures/worker.mjs", import.meta.url));
    const child = spawn(process.execPath, [program, redis.url, group, "400"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(createInterface({ input: child.stdout }), "line");
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    work(answer);
    await settled();
    expect(await replies()).toEqual(["1"]);
  });

  it("F33: a live worker keeps its message for longer than its lease", async () => {
    await submit(redis.witness, message("slow"));
    const gate = gateOf<void>();
    const takers: string[] = [];
    work(
      async (_taken, { signal }) => {
        takers.push("slow");
        await gate.promise;
        if (signal.aborted) takers.push("it was lost");
      },
      { leaseMs: 5000 },
    );
    await eventually("it is under way", () => takers.length === 1);
    const greedy = await worker();
    const { lanes } = laneKeys(inbound());
    const ends = new Set<string>();
    await eventually("the lease was renewed four times, and every claim came too early", async () => {
      expect((await greedy.claim(() => 10)).taken).toEqual([]);
      ends.add((await redis.witness.zscore(lanes, "webchat/c"))!);
      return ends.size > 4;
    });
    gate.resolve();
    await settled();
    expect(takers).toEqual(["slow"]);
  });

  it("work is aborted once another worker has its message", async () => {
    await submit(redis.witness, message("1"));
    const reason = gateOf<unknown>();
    const begun = gateOf<void>();
    let attempts = 0;
    const abortable: Handle = (_taken, { signal }) => {
      attempts += 1;
      begun.resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reason.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    };
    // full, so it does not take its own lane
    work(abortable, { leaseMs: 400, concurrency: 1 });
    await begun.promise;
    const { lanes } = laneKeys(inbound());
    const other = await worker();
    await eventually("the other has it", async () => {
      await redis.witness.zadd(lanes, 0, "webchat/c");
      return (await other.claim(() => 1)).taken.length === 1;
    });
    expect(String(await reason.promise)).toContain("another worker");
    expect([attempts, await pending()]).toEqual([1, 1]);
  });
});

describe("F34: hostile entries", () => {
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
    ["a lane that is not UTF-8", withField("channel", Buffer.from([0xff, 0xfe])), "channel is too long or not UTF-8"],
    ["a field twice", [...good, "id", "2"], "id is there twice"],
    ["a name of an object's own", ["__proto__", "x", "constructor", "y"], "id is missing"],
    ["thousands of fields", Array.from({ length: 9000 }, (_, at) => `f${at}`), "it has more than 32 fields"],
  ];

  it.each(cases)("an entry with %s moves to the dead letters with a reason, unchanged", async (_what, fields, reason) => {
    await redis.witness.xadd(inbound(), "*", ...fields);
    await submit(redis.witness, message("fine"));
    const served: string[] = [];
    work(async ({ id }) => served.push(id));
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
});
