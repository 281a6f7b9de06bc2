/** The gateway's webchat: sessions, what a page that was away is shown, what is refused, and how it ends. */
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { silentLogger } from "../../src/logger.ts";
import { firstReply } from "../../src/redis/commands.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import { LogReader } from "../../src/tiers/gateway/webchat/log-reader.ts";
import { Tail } from "../../src/tiers/gateway/webchat/tail.ts";
import type { WebchatOptions } from "../../src/tiers/gateway/webchat.ts";
import { Webchat } from "../../src/tiers/gateway/webchat.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import { answerWrites } from "../../src/tiers/messages/answer.ts";
import { publishDraft } from "../../src/tiers/messages/draft.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";
import type { ChatOptions } from "../kit/webchat.ts";
import { Chat } from "../kit/webchat.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.witness.flushall());

const keys = messageKeys({ isCluster: false });
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});
const common = () => withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger });
const start = async <T extends StargazerService>(service: T): Promise<T> => {
  ending.push(() => service.shutdown());
  void service.runToCompletion();
  await service.waitFor("running");
  return service;
};
const gateway = async (options: WebchatOptions = {}) => {
  const service = await start(new GatewayService({ ...common(), port: 0, platforms: [new Webchat(options)] }));
  return { service, port: service.http!.port };
};
const worker = () =>
  start(new InferenceService({ ...common(), responder: { name: "echo", respond: async (text) => `re ${text}` } }));
const open = async (port: number, options?: ChatOptions) => {
  const chat = await Chat.open(port, options);
  ending.push(() => chat.socket.terminate());
  return chat;
};

/** Writes what the answer to a message writes, as the settling of the message does. */
const answer = async (channel: string, to: string, text: string): Promise<void> => {
  const { commands } = answerWrites(redis.witness, { id: to, platform: "webchat", channel }, { text, at: 1 });
  let first = "";
  for (const [name, ...words] of commands) {
    const filled = words.map((word) => (word === firstReply ? first : String(word)));
    const reply = String(await redis.witness.call(String(name), ...filled));
    first = first === "" ? reply : first;
  }
};
const texts = ({ replies }: Chat) => replies.map(({ text }) => text);

it("two pages of one conversation, at two gateways, are shown the same lines, those of the other page included", async () => {
  const [one, other] = [await gateway(), await gateway()];
  const first = await open(one.port);
  const second = await open(other.port, { session: first.session });
  first.send("of the first");
  await eventually("its acceptance", () => first.of("accepted").length === 1);
  second.send("of the second");
  await eventually("its acceptance", () => second.of("accepted").length === 1);
  await worker();
  await eventually("the answers", () => [first, second].every(({ replies }) => replies.length === 2));
  const shown = [first, second].map((chat) => chat.of("line").map(({ text }) => text));
  const all = ["of the first", "of the second", "re of the first", "re of the second"];
  expect(shown).toEqual([all, all]);
});

describe("a page that was away", () => {
  it("is shown each answer that it missed, in order and once, by any gateway", async () => {
    const [one, other] = [await gateway(), await gateway()];
    const before = await open(one.port);
    await answer(before.channel, "1", "first");
    await eventually("the first answer", () => before.replies.length === 1);
    before.socket.terminate();
    for (const text of ["second", "third"]) await answer(before.channel, "2", text);
    const { session, after } = before;
    for (const { port } of [one, other]) {
      const chat = await open(port, { session, after: after! });
      await answer(before.channel, "3", "live");
      await eventually("the live one", () => texts(chat).includes("live"));
      const shown = texts(chat);
      expect(shown.slice(0, 2)).toEqual(["second", "third"]);
      expect(new Set(chat.of("line").map(({ id }) => id)).size).toBe(shown.length);
    }
  });

  it("and that has no cursor is shown the whole conversation, its own lines included", async () => {
    const { port } = await gateway();
    await worker();
    const before = await open(port);
    before.send("hello");
    await eventually("the answer", () => before.replies.length === 1);
    before.socket.terminate();
    const again = await open(port, { session: before.session });
    expect(again.of("line").map(({ role, text }) => [role, text])).toEqual([
      ["user", "hello"],
      ["assistant", "re hello"],
    ]);
  });

  it("and whose last line the log does not have, as after a failover, is shown what is written from then on", async () => {
    const { port } = await gateway();
    const before = await open(port);
    await answer(before.channel, "1", "first");
    await eventually("the first answer", () => before.replies.length === 1);
    before.socket.terminate();
    const again = await open(port, { session: before.session, after: `${Date.now() + 3_600_000}-0` });
    await answer(before.channel, "2", "second");
    await eventually("the second answer", () => texts(again).length > 0);
    expect(texts(again)).toEqual(["second"]);
  });

  it("is shown a conversation of many long lines in full", async () => {
    const { port } = await gateway();
    const before = await open(port);
    const long = "x".repeat(16 * 1024);
    for (let at = 0; at < 130; at += 1) await answer(before.channel, `${at}`, long);
    const again = await open(port, { session: before.session });
    expect(again.replies.map(({ to }) => to)).toEqual(Array.from({ length: 130 }, (_, at) => `${at}`));
  });

  it("loses nothing of what is written while it is shown what it missed", async () => {
    const { port } = await gateway();
    const before = await open(port);
    for (let at = 0; at < 40; at += 1) await answer(before.channel, `${at}`, "early");
    const writing = (async () => {
      for (let at = 40; at < 80; at += 1) await answer(before.channel, `${at}`, "late");
    })();
    const again = await open(port, { session: before.session });
    await writing;
    await eventually("the last one", () => again.replies.at(-1)?.to === "79");
    expect(again.replies.map(({ to }) => to)).toEqual(Array.from({ length: 80 }, (_, at) => `${at}`));
  });
});

describe("a message whose acceptance was lost", () => {
  it("gets one answer, however often it is repeated, at whichever gateway", async () => {
    const [one, other] = [await gateway(), await gateway()];
    await worker();
    const before = await open(one.port);
    before.send("hello");
    await eventually("it is stored", () => redis.witness.xlen(keys.inbound));
    before.socket.terminate();
    const again = await open(other.port, { session: before.session, page: before.page });
    for (let times = 0; times < 3; times += 1) again.repeat(1, "hello");
    again.repeat(2, "bye");
    await eventually("the second answer", () => texts(again).includes("re bye"));
    expect(texts(again)).toEqual(["re hello", "re bye"]);
    expect(again.of("accepted").map(({ n }) => n)).toEqual([1, 1, 1, 2]);
  });

  it("and a later one whose predecessor was lost is refused with the number that is expected", async () => {
    const { port } = await gateway();
    const chat = await open(port);
    chat.repeat(3, "too early");
    await eventually("the gap", () => chat.of("gap")[0]);
    expect([chat.of("gap")[0]!.n, await redis.witness.xlen(keys.inbound)]).toEqual([1, 0]);
  });
});

describe("a session", () => {
  it("continues its conversation only with the signature of the fleet", async () => {
    const { port } = await gateway();
    const mine = await open(port);
    const [channel, signature] = mine.session.split(".");
    expect(channel).toBe(mine.channel);
    const forged = [
      `${channel}.${signature!.replace(/^./, (first) => (first === "A" ? "B" : "A"))}`,
      channel!,
      `${channel}.`,
      "",
      "x",
    ];
    for (const session of forged) expect((await open(port, { session })).channel).not.toBe(mine.channel);
    expect((await open(port, { session: mine.session })).channel).toBe(mine.channel);
  });

  it("ends with the secret: once that is deleted, a new conversation begins", async () => {
    const { port } = await gateway();
    const mine = await open(port);
    await redis.witness.del(keys.sessionSecret);
    expect((await open(port, { session: mine.session })).channel).not.toBe(mine.channel);
  });

  it("is in no address, entry or log line of the gateway", async () => {
    const { port } = await gateway();
    const mine = await open(port);
    const dump = await Promise.all((await redis.witness.keys("*")).map((key) => redis.witness.dump(key)));
    expect(dump.join("")).not.toContain(mine.session);
    expect(mine.socket.url).toBe(`ws://127.0.0.1:${port}/webchat`);
  });
});

describe("drafts", () => {
  it("are shown on the pages of their conversation, and nowhere else", async () => {
    const { port } = await gateway();
    const [mine, foreign] = [await open(port), await open(port)];
    const draft = { channel: mine.channel, to: "1", token: 2, n: 1 };
    await eventually("the subscription", async () => {
      await publishDraft(redis.witness, "webchat", { ...draft, text: "" });
      return mine.of("typing").length > 0;
    });
    await publishDraft(redis.witness, "webchat", { ...draft, text: "so far" });
    await redis.witness.publish(keys.live("webchat"), "{");
    await eventually("the draft", () => mine.of("draft").length === 1);
    expect(mine.of("draft")).toEqual([{ type: "draft", to: "1", token: 2, n: 1, text: "so far" }]);
    expect(foreign.frames.map(({ type }) => type)).toEqual(["welcome", "live"]);
  });
});

describe("what one visitor may take", () => {
  it("is a rate of messages: those beyond it are refused with the seconds to wait, and later accepted under their numbers", async () => {
    const { port } = await gateway({ limits: { conversation: { perS: 1, burst: 3 }, frames: { perS: 1000, burst: 10_000 } } });
    const chat = await open(port);
    const accepted = () => chat.of("accepted").map(({ n }) => n);
    // where the machine stalls, one or two more are accepted meanwhile
    for (let n = 1; n <= 30; n += 1) chat.repeat(n, "flood");
    const { n, ...refusal } = await eventually("the refusal", () => chat.of("busy")[0]);
    expect(refusal).toMatchObject({ page: chat.page, seconds: 1, reason: "rate" });
    expect(n).toBeGreaterThan(3);
    expect(accepted().slice(0, n - 1)).toEqual(Array.from({ length: n - 1 }, (_, at) => at + 1));
    await eventually("its turn", () => {
      chat.repeat(n, "flood");
      return accepted().includes(n);
    });
  });

  it("is a number of unanswered messages, and a quiet visitor beside a flood is accepted and answered", async () => {
    const { port } = await gateway({ limits: { unansweredPerConversation: 5 } });
    const [flood, quiet] = [await open(port), await open(port)];
    for (let n = 1; n <= 32; n += 1) flood.repeat(n, `flood ${n}`);
    await eventually("the refusals", () => flood.of("busy").length + flood.of("gap").length === 27);
    expect(flood.of("busy")[0]).toMatchObject({ n: 6, reason: "conversation" });
    flood.socket.terminate();
    quiet.send("hello");
    await eventually("the acceptance", () => quiet.of("accepted")[0]);
    await worker();
    await eventually("the answer", () => texts(quiet)[0] === "re hello");
  });

  it("ends with its socket where it sends far more frames than a person does", async () => {
    const { port } = await gateway({ limits: { frames: { perS: 1, burst: 10 } } });
    const chat = await open(port);
    for (let n = 0; n < 30; n += 1) chat.write({ type: "ping" });
    await eventually("its end", () => chat.closedWith === 1008);
    expect(chat.of("pong").length).toBeLessThan(30);
  });

  it("is a number of sockets: one beyond it is asked to come later", async () => {
    const { port } = await gateway({ limits: { sockets: 1 } });
    await open(port);
    const late = new WebSocket(`ws://127.0.0.1:${port}/webchat`);
    const [code] = await once(late, "close");
    expect(code).toBe(1013);
  });
});

describe("the end of a gateway", () => {
  it("closes its pages with 1001 at the beginning of the drain; the message on its way is accepted once, at the other one", async () => {
    const [one, other] = [await gateway(), await gateway()];
    await worker();
    const pages = await Promise.all(Array.from({ length: 20 }, () => open(one.port)));
    const warnings: string[] = [];
    const note = ({ message }: Error) => void warnings.push(message);
    process.on("warning", note);
    ending.push(() => process.off("warning", note));
    const stopped = one.service.shutdown();
    for (const page of pages) page.send("hello");
    await eventually("their ends", () => pages.every(({ closedWith }) => closedWith === 1001));
    const again = await Promise.all(pages.map(({ session, page }) => open(other.port, { session, page })));
    for (const page of again) page.repeat(1, "hello");
    await eventually("the answers", () => again.every((page) => page.replies.length > 0 && page.of("accepted").length > 0));
    expect(again.map(texts)).toEqual(again.map(() => ["re hello"]));
    expect((await stopped).failures).toEqual([]);
    expect(warnings).toEqual([]);
  });
});

describe("a reader of a log", () => {
  const entry = (n: number) => [`${n}-0`, ["role", "assistant", "id", `re:${n}`, "text", `${n}`, "at", "1", "to", `${n}`]];
  it("reads on where a line was written behind the reply that is on its way, and shows each line once", async () => {
    const replies: ((entries: unknown[]) => void)[] = [];
    const asked: string[] = [];
    const xrange = (_key: string, from: string) => {
      asked.push(from);
      return new Promise((resolve) => replies.push(resolve));
    };
    const shown: string[] = [];
    const reader = new LogReader({
      redis: { xrange } as never,
      log: "log",
      after: "0-0",
      show: ({ text }) => shown.push(text),
      taken: async () => {},
    });
    const read = reader.readOn();
    // the reply was made before the second line was written
    const readAgain = reader.readOn();
    replies[0]!([entry(1)]);
    await eventually("the second look", () => replies.length === 2);
    replies[1]!([entry(2)]);
    await Promise.all([read, readAgain]);
    expect([shown, asked]).toEqual([
      ["1", "2"],
      ["(0-0", "(1-0"],
    ]);
  });
});

describe("the tail of the answers", () => {
  const follow = async (silentMs: number) => {
    const found = { texts: [] as string[], gaps: 0 };
    const tail = new Tail({
      redis: redis.witness,
      log: silentLogger,
      stream: keys.outbound("webchat"),
      silentMs,
      onAnswer: ({ text }) => found.texts.push(text),
      onGap: () => {
        found.gaps += 1;
      },
    });
    ending.push(() => tail.close());
    void tail.run();
    await tail.begun;
    return found;
  };
  /** Ends the connection that reads. */
  const breakRead = async (): Promise<void> => {
    const reading = async () => / ?id=(\d+) [^\n]*cmd=xread/.exec(String(await redis.witness.client("LIST")))?.[1];
    await eventually("the read", reading);
    expect(await redis.witness.client("KILL", "ID", (await reading())!)).toBe(1);
  };

  it("goes on where it was after a break", async () => {
    await answer("c", "0", "before");
    const found = await follow(60_000);
    await answer("c", "1", "first");
    await eventually("the first", () => found.texts.length === 1);
    await breakRead();
    for (const text of ["second", "third"]) await answer("c", "2", text);
    await eventually("the others", () => found.texts.length === 3);
    expect(found).toEqual({ texts: ["first", "second", "third"], gaps: 0 });
  });

  it("asks for the logs where the stream may have been trimmed while it was silent", async () => {
    await answer("c", "0", "before");
    const found = await follow(0);
    await answer("c", "1", "first");
    await eventually("the first", () => found.texts.length === 1);
    expect(found.gaps).toBe(0);
    const written = redis.witness.multi();
    for (const text of ["trimmed", "kept"]) {
      const { commands } = answerWrites(redis.witness, { id: text, platform: "webchat", channel: "c" }, { text, at: 1 });
      const [name, ...words] = commands[1]!.map((word) => (word === firstReply ? "1-1" : String(word)));
      written.call(name!, ...words);
    }
    await written.xtrim(keys.outbound("webchat"), "MAXLEN", 1).exec();
    await eventually("the gap", () => found.gaps > 0);
    await eventually("the other", () => found.texts.length === 2);
    expect(found.texts).toEqual(["first", "kept"]);
  });

  it("leaves out an entry that is no answer, and goes on", async () => {
    const found = await follow(60_000);
    await redis.witness.xadd(keys.outbound("webchat"), "*", "text", "no answer");
    await answer("c", "1", "first");
    await eventually("the first", () => found.texts[0] === "first");
  });
});
