/** An answer is made from the memory of its conversation, with tools, drafts and the author's "stop", on a real Redis. */
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { closeRedis, openRedis } from "../../../src/redis/connection.ts";
import type { Attempt } from "../../../src/tiers/inference/answering.ts";
import { answerTo } from "../../../src/tiers/inference/answering.ts";
import { recollect, tokensOf } from "../../../src/tiers/inference/memory.ts";
import { offlineResponder } from "../../../src/tiers/inference/offline.ts";
import type { Memory, Responder } from "../../../src/tiers/inference/responder.ts";
import { isStopWord } from "../../../src/tiers/inference/stop.ts";
import { tierKeys } from "../../../src/tiers/keys.ts";
import { answerWrites, logCommand } from "../../../src/tiers/messages/answer.ts";
import type { Draft } from "../../../src/tiers/messages/draft.ts";
import type { Inbound } from "../../../src/tiers/messages/envelope.ts";
import { messageKeys } from "../../../src/tiers/messages/keys.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";
import { hangs } from "../../kit/tier.ts";
import { eventually } from "../../kit/wait.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const subscribers: Redis[] = [];
afterEach(async () => {
  for (const one of subscribers.splice(0)) await closeRedis(one, { signal: AbortSignal.timeout(1000) });
});

const place = { platform: "webchat", channel: "c" };
const message = (id: string, text: string): Inbound => ({ ...place, id, author: "ada", text, at: 1000 });
const write = async (role: string, id: string, text: string, to = "") => {
  const [command = "", ...words] = logCommand(messageKeys(redis.witness).log("webchat", "c"), {
    ...{ role, id, author: role === "user" ? "ada" : "stargazer", text, at: 1000, to },
  });
  await redis.witness.call(String(command), ...words.map(String));
};
const said = (id: string, text: string) => write("user", id, text);
const answered = (to: string, text: string) => write("assistant", `re:${to}`, text, to);

const signal = () => new AbortController().signal;
const attempt = (own: Partial<Attempt> = {}): Attempt => ({ token: 7, epochNow: () => 5000, signal: signal(), ...own });
const answer = (responder: Responder, to: Inbound, own: Partial<Attempt> = {}) =>
  answerTo({ redis: redis.witness, log: silentLogger, responder, memoryTokens: 3000 }, to, attempt(own));
const responding = (respond: Responder["respond"]): Responder => ({ name: "test", respond });
/** The text of the line that an answer writes. */
const textOf = ({ commands }: Awaited<ReturnType<typeof answer>>): unknown => {
  const [line] = commands;
  return line![line!.indexOf("text") + 1];
};

/** What the tools write beside the answer. */
const ofTools = ({ commands }: Awaited<ReturnType<typeof answer>>) =>
  commands.slice(answerWrites(redis.witness, message("1", "x"), { text: "x", at: 1 }).commands.length);

describe("the memory of a conversation", () => {
  const turnsFor = async (to: Inbound, tokens = 3000) =>
    (await recollect(redis.witness, to, { signal: signal(), tokens })).turns.map(({ role, content }) => `${role} ${content}`);

  it("has the turns before the message, each answer behind its question, and none of what waits behind it", async () => {
    for (const id of ["1", "2", "3", "4"]) await said(id, `question ${id}`);
    await answered("1", "answer 1");
    await write("notice", "no:2", "this failed", "2");
    await write("assistant", "rm:x", "Reminder: tea", "1");
    expect(await turnsFor(message("3", "question 3"))).toEqual([
      "user question 1",
      "assistant answer 1",
      "user question 2",
      "assistant Reminder: tea",
    ]);
  });

  it("keeps the last turns that fit into its tokens, whole", async () => {
    for (const id of ["1", "2", "3"]) {
      await said(id, `question ${id}`);
      await answered(id, "é".repeat(300));
    }
    const own = message("4", "now");
    await said("4", "now");
    const [question, long] = [tokensOf("question 1"), tokensOf("é".repeat(300))];
    expect(await turnsFor(own, 2 * (question + long))).toHaveLength(4);
    expect(await turnsFor(own, 2 * (question + long) - 1)).toHaveLength(3);
    expect(await turnsFor(own, 0)).toEqual([]);
  });

  it("of a log without end is bounded in bytes and in lines, and hostile lines are left out", async () => {
    const log = messageKeys(redis.witness).log("webchat", "c");
    for (let at = 0; at < 300; at += 1) await said(`old-${at}`, "x".repeat(4000));
    await redis.witness.xadd(log, "*", "role", "emperor", "id", "1", "text", "obey", "at", "1");
    await redis.witness.xadd(log, "*", "role", "user", "text", "no id", "at", "1");
    await redis.witness.xadd(log, "*", "role", "user", "id", "2", "text", "x".repeat(100_000), "at", "1");
    await redis.witness.xaddBuffer(log, "*", "role", "user", "id", "3", "text", Buffer.from([0xff, 0xfe]), "at", "NaN");
    await said("own", "hello");
    const { turns } = await recollect(redis.witness, message("own", "hello"), { signal: signal(), tokens: 60_000 });
    expect(turns.length).toBeGreaterThan(40);
    expect(turns.every(({ content }) => content === "x".repeat(4000))).toBe(true);
    expect(Buffer.byteLength(turns.map(({ content }) => content).join(""))).toBeLessThanOrEqual(256 * 1024);
  });

  it("has what the agents and the upkeep know, in sentences", async () => {
    const keys = tierKeys(redis.witness);
    await redis.witness.hset(keys.summary("webchat", "c"), { messages: 12, firstAt: Date.UTC(2026, 10, 29) });
    await redis.witness.zadd(keys.topics("webchat", "c"), 3, "trains", 1, "berlin");
    await redis.witness.zadd(keys.facts("webchat", "c"), 1, JSON.stringify(["ada", "lives in", "berlin", "webchat/c"]));
    let memory: Memory | undefined;
    await answer(
      responding(async (_, { recollect: read }) => {
        memory = await read();
        return "ok";
      }),
      message("1", "hi"),
    );
    expect(memory!.notes).toBe(
      "This conversation has had 12 messages of the user since 2026-11-29. It has been about: trains, berlin. Known facts: ada lives in berlin.",
    );
  });
});

describe("drafts", () => {
  const listen = async (): Promise<Draft[]> => {
    const drafts: Draft[] = [];
    const subscriber = openRedis(redis.adminUrl);
    subscribers.push(subscriber);
    await subscriber.connect();
    subscriber.on("message", (_, json: string) => drafts.push(JSON.parse(json) as Draft));
    await subscriber.subscribe(messageKeys(redis.witness).live("webchat"));
    return drafts;
  };

  it("are published with the token of the attempt and a number, a few of many, the last one in full", async () => {
    const drafts = await listen();
    const responder = responding(async (_, { draft }) => {
      for (let at = 1; at <= 1000; at += 1) draft("x".repeat(at));
      await eventually("the newest text", () => drafts.at(-1)?.text.length === 1000);
      return "done";
    });
    expect(textOf(await answer(responder, message("1", "hi")))).toBe("done");
    expect(drafts.map(({ n }) => n)).toEqual([1, 2]);
    expect(drafts[0]).toEqual({ channel: "c", to: "1", token: 7, n: 1, text: "x" });
  });

  it("are no longer than a message may be, and none comes after the answer", async () => {
    const drafts = await listen();
    const responder = responding(async (_, { draft }) => {
      draft("é".repeat(100_000));
      await eventually("the draft", () => drafts.length === 1);
      draft("too late to be published");
      return "done";
    });
    await answer(responder, message("1", "hi"));
    expect(Buffer.byteLength(drafts[0]!.text)).toBeLessThanOrEqual(16 * 1024);
    await answer(
      responding(async (_, { draft }) => (draft("next"), eventually("it", () => drafts.at(-1)?.text === "next"), "x")),
      message("2", "hi"),
    );
    await eventually("the draft of the next answer", () => drafts.at(-1)?.text === "next");
    expect(drafts.map(({ to }) => to)).toEqual(["1", "2"]);
  });
});

describe("the author's stop", () => {
  it.each(["stop", "Stop!", " STOP. ", "/stop"])("%j is one", (text) => expect(isStopWord(text)).toBe(true));
  it.each(["stop it", "don't stop", "stopp", "", "s top"])("%j is none", (text) => expect(isStopWord(text)).toBe(false));

  it("ends the work on the message before it, whose answer is what there was of it", async () => {
    await said("1", "tell me a long story");
    const responder = responding(async (_, { draft, signal: until }) => {
      draft("Once upon a time");
      await said("2", "stop");
      await Promise.race([
        hangs(),
        new Promise((_resolve, reject) => until.addEventListener("abort", () => reject(until.reason))),
      ]);
      return "never";
    });
    expect(textOf(await answer(responder, message("1", "tell me a long story")))).toBe("Once upon a time\n\n(Stopped.)");
  });

  it("ends messages that wait before it without asking a model, and is itself answered", async () => {
    await said("1", "a question");
    await said("2", "another");
    await said("3", "stop");
    await said("4", "one more");
    const asking = responding(async (_, { recollect: read }) => {
      await read();
      return "answered";
    });
    const texts = [];
    for (const [id, text] of Object.entries({ 1: "a question", 2: "another", 3: "stop", 4: "one more" }))
      texts.push(textOf(await answer(asking, message(id, text))));
    expect(texts).toEqual(["Stopped.", "Stopped.", "Stopped.", "answered"]);
  });

  it("that has its answer ends nothing: a message that is replayed is answered, without what came after it", async () => {
    await said("1", "a question");
    await said("2", "stop");
    await answered("2", "Stopped.");
    let memory: Memory | undefined;
    const asking = responding(async (_, { recollect: read }) => {
      memory = await read();
      return "answered";
    });
    expect(textOf(await answer(asking, message("1", "a question")))).toBe("answered");
    expect(memory!.turns).toEqual([]);
  });

  it("ends the work of a responder that heeds no signal", async () => {
    await said("1", "a question");
    const ended = answer(
      responding(() => new Promise<string>(() => {})),
      message("1", "a question"),
    );
    await said("2", "stop");
    expect(textOf(await ended)).toBe("Stopped.");
  });

  it.each([undefined, null, 7, {}])("a responder that answers %j has failed", async (text) => {
    const wrong = responding(async () => text as unknown as string);
    await expect(answer(wrong, message("1", "hi"))).rejects.toThrow("instead of a text");
  });

  it("is not the end of an attempt that fails for another reason, and takes nothing from an abort of the worker", async () => {
    const failing = responding(() => Promise.reject(new Error("no luck")));
    await expect(answer(failing, message("1", "hi"))).rejects.toThrow("no luck");
    const reason = new Error("the worker stops");
    const waiting = responding(async (_, { signal: until }) => Promise.reject(until.reason));
    await expect(answer(waiting, message("1", "hi"), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("the tools", () => {
  const call = async (name: string, args: unknown, to = message("1", "hi")) => {
    let result = "";
    const writes = await answer(
      responding(async (_, { tools, signal: until }) => {
        result = await tools.call({ name, arguments: typeof args === "string" ? args : JSON.stringify(args) }, { signal: until });
        return "ok";
      }),
      to,
    );
    return { result, ofTool: ofTools(writes) };
  };

  it.each([
    ["nothing", "x", {}, /there is no tool of this name; there are time, recall, fleet_status, remind_me/],
    ["__proto__", "__proto__", {}, /no tool/],
    ["no JSON", "time", "{", /do not fit: it is not JSON/],
    ["a list", "time", [], /do not fit: it must be an object/],
    ["a zone that is none", "time", { zone: "Mars/Olympus" }, /do not fit: zone must be a time zone/],
    ["words that are missing", "recall", {}, /do not fit: words must be a text/],
    ["words that are too long", "recall", { words: "x".repeat(201) }, /at most 200/],
    ["a time that is no number", "remind_me", { seconds: "5", text: "x" }, /seconds must be a whole number from 1 to 2592000/],
    ["a time in the past", "remind_me", { seconds: -5, text: "x" }, /seconds must be/],
    ["a time without end", "remind_me", '{"seconds":1e99,"text":"x"}', /seconds must be/],
    ["a text that is a list", "remind_me", { seconds: 5, text: ["x"] }, /text must be a text/],
    ["more than a call may have", "remind_me", { seconds: 5, text: "x", more: "y".repeat(9000) }, /more than 8192 bytes/],
  ])("a call of %s says what is wrong, and nothing is done", async (_, name, args, error) => {
    const { result, ofTool } = await call(name, args);
    expect(result).toMatch(error);
    expect(ofTool).toEqual([]);
  });

  it("time is the present time, in a zone", async () => {
    expect((await call("time", {})).result).toBe("Thursday, 1 January 1970 at 00:00:05 UTC");
    expect((await call("time", { zone: "Asia/Tokyo" })).result).toContain("09:00:05");
  });

  it("recall finds lines that are no longer in the memory, and facts, and not the message itself", async () => {
    await said("old", "my cat is called Schrödinger");
    for (let at = 0; at < 200; at += 1) await said(`l${at}`, "something else");
    await said("1", "what is my cat called");
    await redis.witness.zadd(
      tierKeys(redis.witness).facts("webchat", "c"),
      1,
      JSON.stringify(["ada", "likes", "her cat", "webchat/c"]),
    );
    const { result } = await call("recall", { words: "CAT" }, message("1", "what is my cat called"));
    expect(result.split("\n")).toEqual([
      "known: ada likes her cat",
      "1970-01-01T00:00:01.000Z ada: my cat is called Schrödinger",
    ]);
    expect((await call("recall", { words: "dog" })).result).toBe("nothing was found");
  });

  it("fleet_status counts the services, without hosts and pids", async () => {
    expect((await call("fleet_status", {})).result).toBe("no service is registered");
  });

  it("remind_me writes with the answer: nothing before it, and nothing more than a conversation may have", async () => {
    const keys = tierKeys(redis.witness);
    const { result, ofTool } = await call("remind_me", { seconds: 60, text: "tea" });
    // the clock of the process is at 5 s after the epoch
    expect(result).toMatch(/^the reminder is set for 2\d{3}-.*Z, in 60 s$/);
    expect(await redis.witness.exists(keys.reminders)).toBe(0);
    expect(ofTool.map(([name]) => name)).toEqual(["ZADD", "HSET", "PEXPIRE"]);
    for (let at = 0; at < 20; at += 1) await redis.witness.hset(keys.remindersOf("webchat", "c"), `${at}`, "{}");
    const refused = await call("remind_me", { seconds: 60, text: "tea" });
    expect([refused.result, refused.ofTool]).toEqual(["error: this conversation has 20 reminders already", []]);
  });

  it("a tool that fails says so, and the answer goes on without it", async () => {
    await redis.witness.set(messageKeys(redis.witness).log("webchat", "c"), "no stream");
    expect((await call("recall", { words: "x" })).result).toMatch(/^error: the tool failed: WRONGTYPE/);
  });
});

describe("the offline responder", () => {
  const reply = async (text: string) => {
    const writes = await answer(offlineResponder, message("1", text));
    return { text: String(textOf(writes)), commands: ofTools(writes).length };
  };

  it("names itself and what is missing, and repeats the message", async () => {
    expect((await reply("hello")).text).toMatch(/No model is connected \(set OPENAI_BASE_URL\).*offline.*You said: hello$/);
  });

  it("names itself once in a conversation, as far as its last turns reach", async () => {
    await said("0", "hello");
    await answered("0", (await reply("hello")).text);
    expect((await reply("hello again")).text).toBe("You said: hello again");
  });

  it.each([
    ["what time is it?", /1 January 1970/, 0],
    ["Remind me in 10 s to drink tea", /the reminder is set for 2\d{3}-.*Z, in 10 s/, 3],
    ["remind me in 2 hours that it is late", /in 7200 s/, 3],
    ["remind me in 9999999 days to live", /seconds must be/, 0],
    ["how is the fleet", /no service is registered/, 0],
    ["what did I say about trains?", /nothing was found/, 0],
    ["what did you do", /You said/, 0],
  ])("%j", async (text, expected, commands) => {
    const seen = await reply(text);
    expect(seen.text).toMatch(expected);
    expect(seen.commands).toBe(commands);
  });
});
