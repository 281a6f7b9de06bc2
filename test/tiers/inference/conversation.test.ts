/** Ten turns of one conversation with a model behind a local endpoint that has every fault, streamed, with tools, by the tier itself. */
import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { closeRedis, openRedis } from "../../../src/redis/connection.ts";
import type { StargazerService } from "../../../src/service/service.ts";
import { streamKeys } from "../../../src/streams/keys.ts";
import { AgentsService } from "../../../src/tiers/agents/agents.ts";
import { GatewayService } from "../../../src/tiers/gateway/gateway.ts";
import { InferenceService } from "../../../src/tiers/inference/inference.ts";
import { modelResponder } from "../../../src/tiers/inference/model.ts";
import { accept } from "../../../src/tiers/messages/accept.ts";
import type { Draft } from "../../../src/tiers/messages/draft.ts";
import { messageKeys } from "../../../src/tiers/messages/keys.ts";
import type { LogLine } from "../../../src/tiers/messages/lines.ts";
import { lineOf } from "../../../src/tiers/messages/lines.ts";
import type { Act, Asked } from "../../kit/model-endpoint.ts";
import { breaksOff, calls, fails, ModelEndpoint, says, sendsEvents } from "../../kit/model-endpoint.ts";
import { withPatience } from "../../kit/patience.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";
import { eventually } from "../../kit/wait.ts";
import { Chat } from "../../kit/webchat.ts";

let redis: TestRedis;
let endpoint: ModelEndpoint;
let subscriber: Redis;
const drafts: Draft[] = [];
const started: StargazerService[] = [];
beforeAll(async () => {
  [redis, endpoint] = await Promise.all([startTestRedis(), ModelEndpoint.start()]);
  subscriber = openRedis(redis.adminUrl);
  await subscriber.connect();
  subscriber.on("message", (_, json: string) => drafts.push(JSON.parse(json) as Draft));
  await subscriber.subscribe(messageKeys(redis.witness).live("webchat"));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((service) => service.shutdown()));
});
afterAll(async () => {
  await closeRedis(subscriber, { signal: AbortSignal.timeout(1000) });
  endpoint.stop();
  await redis.stop();
});

const common = () => withPatience({ redis: redis.url, useHealthServer: false, jitterMaxMs: 0, logger: silentLogger });
const start = async (service: StargazerService): Promise<void> => {
  started.push(service);
  void service.runToCompletion();
  await service.waitFor("running");
};
const log = () => messageKeys(redis.witness).log("webchat", "c");
const lines = async (): Promise<LogLine[]> =>
  (await redis.witness.xrange(log(), "-", "+")).flatMap((entry) => lineOf(entry) ?? []);
const say = (id: string, text: string) =>
  accept(redis.witness, { id, platform: "webchat", channel: "c", author: "ada", text, at: Date.now() });
/** The last result of a tool that the model was given. */
const result = ({ messages }: Asked): string => messages.findLast(({ role }) => role === "tool")?.content ?? "";

interface TurnOfTest {
  readonly text: string;
  readonly script: readonly Act[];
  readonly answer: string | RegExp;
}
/** Until the author has been shown this draft of the answer to that message. */
const shown = (to: string) => (sent: string) =>
  eventually(`the draft '${sent}'`, () => drafts.some((draft) => draft.to === to && draft.text === sent));
const endless: Act = (response, asked) => endpoint.endless("events")(response, asked);
const turns: readonly TurnOfTest[] = [
  { text: "My name is Ada.", script: [says(["Hello ", "Ada."])], answer: "Hello Ada." },
  {
    text: "what time is it",
    script: [calls("time", { zone: "UTC" }), says((asked) => `It is ${result(asked)}`)],
    answer: /^It is .* UTC$/,
  },
  { text: "slowly", script: [says(["one ", "two ", "three ", "four"], shown("m2"))], answer: "one two three four" },
  { text: "after a failure", script: [fails(500), says("mended")], answer: "mended" },
  { text: "after a limit", script: [fails(429, { "retry-after": "0" }), says("allowed")], answer: "allowed" },
  { text: "cut in the middle", script: [breaksOff("half of", shown("m5")), says("the whole")], answer: "the whole" },
  {
    text: "remind me of tea",
    script: [
      calls("remind_me", { seconds: "soon" }),
      calls("remind_me", { seconds: 1, text: "tea" }),
      says((asked) => (result(asked).startsWith("the reminder is set") ? "I will." : "no")),
    ],
    answer: "I will.",
  },
  { text: "nonsense on the wire", script: [sendsEvents("data: {nope\n\n"), says("sense")], answer: "sense" },
  { text: "nine hundred megabytes", script: [endless, says("a word")], answer: "a word" },
  {
    text: "what is my name",
    script: [calls("recall", { words: "name is" }), calls("fleet_status", {}), says((asked) => `${result(asked)}`)],
    answer: /inference running: 1/,
  },
];

it("F34: ten turns have ten answers, in order and once each, through every fault of the endpoint; a reminder comes once", async () => {
  await start(new InferenceService({ ...common(), responder: modelOf(), work: { retryMs: 10 } }));
  await start(new AgentsService({ ...common(), intervalMs: 50 }));
  for (const [at, { text, script }] of turns.entries()) {
    endpoint.plays(...script);
    await say(`m${at}`, text);
    await eventually(`the answer to '${text}'`, async () =>
      (await lines()).some(({ to, id }) => to === `m${at}` && id === `re:m${at}`),
    );
  }
  await eventually("the reminder", async () => (await lines()).some(({ text }) => text === "Reminder: tea"));
  const all = await lines();
  const answers = all.filter(({ id }) => id.startsWith("re:"));
  expect(answers.map(({ to }) => to)).toEqual(turns.map((_, at) => `m${at}`));
  for (const [at, { answer }] of turns.entries())
    expect(answers[at]!.text).toEqual(typeof answer === "string" ? answer : expect.stringMatching(answer));
  expect(all.filter(({ text }) => text === "Reminder: tea")).toHaveLength(1);
  expect(all.filter(({ role }) => role === "notice")).toEqual([]);
  expect(await redis.witness.xlen(streamKeys(redis.witness).deadLetters)).toBe(0);
  // the memory: the last request has the turns before, and the slow answer was shown while it was written
  const remembered = endpoint.asked.at(-1)!.messages.map(({ content }) => content);
  expect(remembered).toEqual(expect.arrayContaining(["My name is Ada.", "Hello Ada.", "the whole", "what is my name"]));
  const slow = drafts.filter(({ to, text }) => to === "m2" && text !== "").map(({ text }) => text);
  expect(slow.length).toBeGreaterThan(1);
  expect(slow.every((text) => "one two three four".startsWith(text))).toBe(true);
  expect(drafts.some(({ to, text }) => to === "m5" && text === "half of")).toBe(true);
});

it.each([401, 302])(
  "an endpoint that answers %d is asked once: the message is a dead letter at once, with a notice for its author",
  async (status) => {
    await redis.witness.flushall();
    await start(new InferenceService({ ...common(), responder: modelOf() }));
    endpoint.plays(fails(status));
    await say("x", "hello");
    await eventually("the notice", async () => (await lines()).some(({ role, to }) => role === "notice" && to === "x"));
    expect(endpoint.asked).toHaveLength(1);
    const letters = JSON.stringify(await redis.witness.xrange(streamKeys(redis.witness).deadLetters, "-", "+"));
    expect(letters).toContain(`answered ${status}`);
    expect(letters).not.toContain("the-secret");
  },
);

it("a reminder of the offline responder is shown on the page that asked for it, after its answer", async () => {
  await redis.witness.flushall();
  const gateway = new GatewayService({ ...common(), port: 0 });
  for (const tier of [gateway, new InferenceService(common()), new AgentsService(common())]) await start(tier);
  const page = await Chat.open(gateway.http!.port);
  try {
    page.send("remind me in 1 s to drink tea");
    await eventually("answer and reminder", () => page.replies.length === 2);
    expect(page.replies.map(({ text }) => text)).toEqual([
      expect.stringMatching(/offline.*the reminder is set/),
      "Reminder: drink tea",
    ]);
  } finally {
    page.socket.terminate();
  }
});

it("an answer that its author stops ends, and the next message is answered", async () => {
  await redis.witness.flushall();
  await start(new InferenceService({ ...common(), responder: modelOf() }));
  endpoint.plays(
    says(
      Array.from({ length: 10_000 }, (_, at) => `${at} `),
      () => pause(50),
    ),
    says("next"),
  );
  await say("1", "count");
  await eventually("a draft", () => drafts.some(({ to, text }) => to === "1" && text !== ""));
  await say("2", "stop");
  await say("3", "and now");
  await eventually("the last answer", async () => (await lines()).some(({ id }) => id === "re:3"));
  const answers = (await lines()).filter(({ role }) => role === "assistant").map(({ text }) => text);
  expect(answers).toEqual([expect.stringMatching(/^0 .*\(Stopped\.\)$/s), "Stopped.", "next"]);
});

const modelOf = () => modelResponder({ baseUrl: endpoint.url, apiKey: "the-secret", model: "some-model", timeoutMs: 60_000 });
