/** A model behind an OpenAI-compatible endpoint: what it is asked, what it may answer, and how it may fail. */
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { retryAfterMs } from "../../../src/tiers/inference/endpoint.ts";
import { modelResponder } from "../../../src/tiers/inference/model.ts";
import type { Conversation } from "../../../src/tiers/inference/responder.ts";
import { chooseResponder } from "../../../src/tiers/inference/responders.ts";
import type { Toolbox } from "../../../src/tiers/inference/tools/toolbox.ts";
import { breaksOff, calls, endsEarly, fails, hangs, ModelEndpoint, says, sendsEvents, stalls } from "../../kit/model-endpoint.ts";
import { eventually } from "../../kit/wait.ts";

let endpoint: ModelEndpoint;
beforeAll(async () => {
  endpoint = await ModelEndpoint.start();
});
afterAll(() => endpoint.stop());

const known = { baseUrl: new URL("http://127.0.0.1:1/v1"), apiKey: "the-secret", model: "some-model", timeoutMs: 60_000 };
const model = (timeoutMs = 60_000) => modelResponder({ ...known, baseUrl: endpoint.url, timeoutMs });

interface Talk extends Conversation {
  readonly drafts: string[];
  readonly called: { name: string; arguments: string }[];
}
const talk = (own: Partial<Conversation> = {}): Talk => {
  const [drafts, called]: [string[], { name: string; arguments: string }[]] = [[], []];
  const call = async ({ name, arguments: json }: { name: string; arguments: string }) => {
    called.push({ name, arguments: json });
    return `result of ${name}`;
  };
  return {
    signal: new AbortController().signal,
    recollect: async () => ({ turns: [], notes: "" }),
    tools: { described: [{ type: "function", function: { name: "time" } }], call } as unknown as Toolbox,
    draft: (text) => void drafts.push(text),
    drafts,
    called,
    ...own,
  };
};
const thrownBy = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
const failure = (responder = model(), conversation: Conversation = talk()) =>
  responder.respond("hi", conversation).then(
    (text) => ({ text }),
    (error: unknown) => error as Error,
  );

describe("a model", () => {
  it("is asked with what is known, the turns before, and the message; its parts are drafts of the answer", async () => {
    endpoint.plays(says(["Good ", "morning", "."]));
    const turns = [
      { role: "user", content: "before" },
      { role: "assistant", content: "an answer" },
    ] as const;
    const conversation = talk({ recollect: async () => ({ turns, notes: "Known facts: ada lives in berlin." }) });
    expect(await model().respond("hi", conversation)).toBe("Good morning.");
    expect((conversation as Talk).drafts).toEqual(["Good ", "Good morning", "Good morning."]);
    const [asked] = endpoint.asked;
    expect([asked!.model, asked!.stream, asked!.headers.authorization]).toEqual(["some-model", true, "Bearer the-secret"]);
    expect(asked!.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(asked!.messages[0]!.content).toContain("ada lives in berlin");
    expect(asked!.messages.at(-1)!.content).toBe("hi");
  });

  it("that knows no streams answers with one JSON", async () => {
    endpoint.plays((response) => void response.end(JSON.stringify({ choices: [{ message: { content: "whole" } }] })));
    expect(await model().respond("hi", talk())).toBe("whole");
  });

  it("calls tools, in parts and with empty arguments too, and gets each result before its next round", async () => {
    endpoint.plays(calls("time", { zone: "UTC" }), calls("time", ""), says("noon"));
    const conversation = talk();
    expect(await model().respond("hi", conversation)).toBe("noon");
    expect(conversation.called).toEqual([
      { name: "time", arguments: '{"zone":"UTC"}' },
      { name: "time", arguments: "" },
    ]);
    const results = endpoint.asked.at(-1)!.messages.filter(({ role }) => role === "tool");
    expect(results.map(({ content }) => content)).toEqual(["result of time", "result of time"]);
  });

  it("that only ever calls tools is asked for a text after four rounds, and has given no answer without one", async () => {
    endpoint.plays(calls("time", {}));
    expect(await failure()).toMatchObject({ message: expect.stringContaining("without a text") });
    expect(endpoint.asked.map(({ tool_choice }) => tool_choice)).toEqual(["auto", "auto", "auto", "auto", "none"]);
  });

  it("answers at most what a message may be, cut between characters", async () => {
    endpoint.plays(says("é".repeat(20_000)));
    const cut = await model().respond("hi", talk());
    expect([Buffer.byteLength(cut) <= 16 * 1024, cut.includes("\ufffd"), cut.endsWith("…")]).toEqual([true, false, true]);
  });
});

describe("F34: an endpoint that", () => {
  it.each([
    ["answers 500", fails(500)],
    ["answers 429 with Retry-After", fails(429, { "retry-after": "0" })],
    ["breaks the connection in the middle", breaksOff("half an ")],
    ["ends its stream before the answer has an end", endsEarly("half an ")],
  ])("%s is asked again, and its next answer counts alone", async (_, fault) => {
    endpoint.plays(fault, says("whole"));
    expect(await model().respond("hi", talk())).toBe("whole");
    expect(endpoint.asked).toHaveLength(2);
  });

  it("stops in the middle of an answer without an end of the connection is asked again", async () => {
    endpoint.plays(stalls("half an "), says("whole"));
    expect(await modelResponder({ ...known, baseUrl: endpoint.url, stallMs: 1000 }).respond("hi", talk())).toBe("whole");
    // a busy machine may be so late that the second answer stalls too
    expect(endpoint.asked).not.toHaveLength(1);
    endpoint.plays(stalls("half an "));
    const stalled = await failure(modelResponder({ ...known, baseUrl: endpoint.url, stallMs: 20 }));
    expect(stalled).toMatchObject({ message: "the wait for the next part of the model's answer passed its deadline" });
  });

  it("keeps failing is asked three times", async () => {
    endpoint.plays(fails(503, { "retry-after": "0" }));
    expect(await failure()).toMatchObject({ message: "the model's endpoint answered 503" });
    expect(endpoint.asked).toHaveLength(3);
  });

  it.each([400, 401, 403, 404, 422])("answers %d is asked once", async (status) => {
    endpoint.plays(fails(status));
    expect(await failure()).toMatchObject({ name: "Refused", message: `the model's endpoint answered ${status}` });
    expect(endpoint.asked).toHaveLength(1);
  });

  it("wants a longer pause than is waited has failed at once", async () => {
    endpoint.plays(fails(429, { "retry-after": "3600" }));
    expect(await failure()).toMatchObject({ message: "the model's endpoint answered 429" });
    expect(endpoint.asked).toHaveLength(1);
  });

  it.each([301, 302, 307, 308])("redirects with %d gets nothing there, the key least of all", async (status) => {
    const elsewhere = await ModelEndpoint.start();
    elsewhere.plays(says("stolen"));
    endpoint.plays(fails(status, { location: elsewhere.url.href }));
    expect(await failure()).toMatchObject({ message: expect.stringContaining("redirects are not followed") });
    expect(elsewhere.asked).toEqual([]);
    elsewhere.stop();
  });

  it.each(["line", "events", "json"] as const)(
    "answers with 900 MB as %s is read to 1 MiB, and the rest is not sent",
    async (kind) => {
      endpoint.plays(endpoint.endless(kind));
      expect(await failure()).toMatchObject({ message: "its answer has more than 1048576 bytes" });
      await eventually("its connection is closed", () => endpoint.hasEnded);
      expect(endpoint.written).toBeLessThan(100_000_000);
    },
  );

  it.each([
    ["no JSON", "data: {nope\n\n", "something else than JSON"],
    ["another form", 'data: {"choices":"no"}\n\n', "an unknown form"],
    ["a text that is a number", 'data: {"choices":[{"delta":{"content":5}}]}\n\n', "an unknown form"],
    [
      "too many calls",
      `data: {"choices":[{"delta":{"tool_calls":[{"index":99,"function":{"name":"x"}}]}}]}\n\n`,
      "more than 4 tools",
    ],
    ["nothing", "data: [DONE]\n\n", "without a text"],
    ["a prototype", 'data: {"choices":[{"delta":{"__proto__":{"content":"x"}}}]}\n\ndata: [DONE]\n\n', "without a text"],
  ])("sends events with %s has given no answer", async (_, raw, message) => {
    endpoint.plays(sendsEvents(raw));
    expect(await failure()).toMatchObject({ message: expect.stringContaining(message) });
    expect(endpoint.asked).toHaveLength(1);
  });

  it("sends events in unusual lines is understood", async () => {
    const part = (content: string) => JSON.stringify({ choices: [{ delta: { content } }] });
    const raw = `event: x\r\ndata:${part("a")}\r\n\r\nid: 5\rdata: ${part("b").replace(",", ",\ndata: ")}\r\r: note\n\n\ndata: [DONE]`;
    endpoint.plays(sendsEvents(raw));
    expect(await model().respond("hi", talk())).toBe("ab");
  });

  it("hangs is given up at the deadline of the answer, and at the signal, whose reason is kept", async () => {
    endpoint.plays(hangs);
    expect(await failure(model(100))).toMatchObject({ message: "the model's endpoint gave no answer within 100 ms" });
    const stop = new AbortController();
    const asked = failure(model(), talk({ signal: stop.signal }));
    await eventually("the request", () => endpoint.asked.length === 2);
    const reason = new Error("stopping");
    stop.abort(reason);
    expect(await asked).toBe(reason);
  });

  it("cannot be asked, or answers with what it was sent, puts nothing of that into the error", async () => {
    endpoint.plays((response, { headers }) => void response.end(headers.authorization));
    const echoed = await failure();
    expect(echoed).toMatchObject({ message: "the model's endpoint answered with something else than JSON" });
    endpoint.plays(
      (response, { headers }) => void response.writeHead(302, { location: `http://a:${headers.authorization}@[` }).end(),
    );
    const astray = await failure();
    const dead = await failure(modelResponder(known));
    expect(dead).toMatchObject({ message: expect.stringMatching(/^the model's endpoint cannot be reached/) });
    for (const error of [echoed, astray, dead])
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("the-secret");
  });
});

describe("Retry-After", () => {
  const now = Date.parse("Sun, 29 Nov 2026 12:00:00 GMT");
  it.each([
    [null, undefined],
    ["3", 3000],
    ["0.5", 500],
    ["Sun, 29 Nov 2026 12:00:02 GMT", 2000],
    ["Sun, 29 Nov 2026 11:00:00 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
  ])("%j is %j ms", (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });

  it("as a date, of an answer without one, is not known", () => {
    expect(retryAfterMs("Sun, 29 Nov 2026 12:00:02 GMT", Number.NaN)).toBeUndefined();
  });
});

describe("the settings of a model", () => {
  it("are chosen by OPENAI_BASE_URL, which has to be a URL", () => {
    process.env.OPENAI_BASE_URL = "not a url";
    expect(() => chooseResponder()).toThrow(expect.objectContaining({ code: "SG_ERR_CONFIG_INVALID" }));
    process.env.OPENAI_BASE_URL = "http://127.0.0.1:1/v1";
    expect(chooseResponder().name).toMatch(/^model /);
    delete process.env.OPENAI_BASE_URL;
    expect(chooseResponder().name).toBe("offline responder");
  });

  it.each([
    ["http://user:hidden-pw@127.0.0.1:1/v1", "http://***:***@127.0.0.1:1/v1"],
    ["http://hidden-pw@127.0.0.1:1/v1", "http://***@127.0.0.1:1/v1"],
    ["http://127.0.0.1:1/v1?key=hidden-pw", "http://127.0.0.1:1/v1?***"],
    ["http://127.0.0.1:1/v1#hidden-pw", "http://127.0.0.1:1/v1#***"],
  ])("do not take %s, and what is refused is shown as %s", (url, shown) => {
    process.env.OPENAI_BASE_URL = url;
    try {
      const refused = thrownBy(() => chooseResponder());
      expect(refused).toMatchObject({ code: "SG_ERR_CONFIG_INVALID", message: expect.stringContaining(` ${shown} `) });
      expect(inspect(refused)).not.toContain("hidden-pw");
    } finally {
      delete process.env.OPENAI_BASE_URL;
    }
    expect(() => modelResponder({ ...known, baseUrl: new URL(url) })).toThrow(` ${shown} `);
  });

  it.each(["hidden\nkey", "hidden\u2026key", "hidden\u0000key", "hidden key\n", " "])(
    "do not take the key %j, which no header can carry, and the key is not shown",
    (apiKey) => {
      const refused = thrownBy(() => modelResponder({ ...known, apiKey }));
      expect(refused).toMatchObject({ code: "SG_ERR_CONFIG_INVALID", message: expect.stringContaining("OPENAI_API_KEY") });
      expect(inspect(refused)).not.toContain("hidden");
    },
  );
});
