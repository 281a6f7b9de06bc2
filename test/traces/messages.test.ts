/** A message as one trace, from a gateway through a worker to a gateway; a redelivery is linked to it. On a real Redis, with the SDK. */
import { context, trace } from "@opentelemetry/api";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import type { PlatformAdapter, PlatformHost } from "../../src/tiers/gateway/platform.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import type { Responder } from "../../src/tiers/inference/responder.ts";
import { parseInbound } from "../../src/tiers/messages/envelope.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { submit } from "../kit/messages.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import type { Spans } from "../kit/spans.ts";
import { idOf, linksOf, parentOf, registerSdk, traceOf } from "../kit/spans.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let spans: Spans;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  await redis.witness.flushall();
  spans = registerSdk();
});

const services: { shutdown(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.shutdown()));
  await spans.unregister();
});

/** A platform that is pushed to, which counts its deliveries and fails those that `deliver` fails. */
const platform = (deliver: (count: number) => void = () => {}) => {
  let host: PlatformHost | undefined;
  let count = 0;
  const adapter: PlatformAdapter = {
    platform: "pager",
    open: (given) => {
      host = given;
    },
    deliver: async () => {
      count += 1;
      deliver(count);
    },
  };
  return { adapter, host: () => host! };
};

const options = () => ({ redis: redis.url, logger: silentLogger, jitterMaxMs: 0, healthPort: 0, drainDelayMs: 0, port: 0 });
const gateway = async (adapter: PlatformAdapter): Promise<void> => {
  const service = new GatewayService({ ...options(), platforms: [adapter] });
  services.push(service);
  void service.runToCompletion();
  await service.waitFor("running");
};
const worker = async (respond: Responder["respond"]): Promise<void> => {
  const { port: _, ...own } = options();
  const service = new InferenceService({ ...own, responder: { name: "test", respond }, work: { retryMs: 1 } });
  services.push(service);
  void service.runToCompletion();
  await service.waitFor("running");
};

const inbound = () => `send ${messageKeys(redis.witness).inbound}`;
const processed = () => `process ${messageKeys(redis.witness).inbound}`;
const delivered = () => `deliver ${messageKeys(redis.witness).outbound("pager")}`;
const span = (name: string, count = 1) => eventually(`${count} spans '${name}'`, () => spans.named(name)[count - 1]);

describe("a message", () => {
  it("is one trace: sent by a gateway, processed by a worker, delivered by a gateway", async () => {
    const { adapter, host } = platform();
    await gateway(adapter);
    await worker(async () => {
      trace.getTracer("the model").startSpan("ask").end();
      return "42";
    });
    await host().accept({ id: "m1", channel: "c", author: "ada", text: "hello" });
    const [sent, handled, shown] = [await span(inbound()), await span(processed()), await span(delivered())];
    expect([parentOf(sent), parentOf(handled), parentOf(shown)]).toEqual([undefined, idOf(sent), idOf(handled)]);
    expect([traceOf(handled), traceOf(shown)]).toEqual([traceOf(sent), traceOf(sent)]);
    expect(parentOf(spans.one("ask"))).toBe(idOf(handled));
    expect([sent.kind, handled.kind, shown.kind]).toEqual([3, 4, 4]);
    expect(handled.attributes).toEqual({
      "messaging.system": "redis",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": messageKeys(redis.witness).inbound,
      "messaging.message.id": "m1",
      "messaging.consumer.group.name": "sg:workers",
      "stargazer.message.attempt": 1,
    });
  });

  it("belongs to the trace of the request that brought it", async () => {
    const { adapter, host } = platform();
    await gateway(adapter);
    const request = trace.getTracer("http").startSpan("POST /hook");
    await context.with(trace.setSpan(context.active(), request), () =>
      host().accept({ channel: "c", author: "ada", text: "hello" }),
    );
    expect(parentOf(await span(inbound()))).toBe(idOf(request as never));
  });

  it("that is delivered to a worker again is a trace of its own, linked to the span that sent it", async () => {
    const { adapter, host } = platform();
    await gateway(adapter);
    let attempts = 0;
    await worker(async () => {
      attempts += 1;
      if (attempts === 1) throw new Error("the model is away");
      return "42";
    });
    await host().accept({ channel: "c", author: "ada", text: "hello" });
    const [sent, again] = [await span(inbound()), await span(processed(), 2)];
    const [first] = spans.named(processed());
    expect(parentOf(first!)).toBe(idOf(sent));
    expect(first).toMatchObject({ status: { code: 2, message: "the model is away" } });
    expect([parentOf(again), linksOf(again)]).toEqual([undefined, [idOf(sent)]]);
    expect(traceOf(await span(delivered()))).toBe(traceOf(again));
  });

  it("whose answer is delivered to a platform again has a span that is linked to the worker's", async () => {
    const { adapter, host } = platform((count) => {
      if (count === 1) throw new Error("the network is away");
    });
    await gateway(adapter);
    await worker(async () => "42");
    await host().accept({ channel: "c", author: "ada", text: "hello" });
    const again = await span(delivered(), 2);
    expect(linksOf(again)).toEqual([idOf(await span(processed()))]);
  });
});

describe("the traceparent of an entry", () => {
  const good = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const fields = (traceparent: string) =>
    Object.entries({ id: "1", platform: "pager", channel: "c", author: "ada", text: "hi", at: "1", traceparent })
      .flat()
      .map((text) => Buffer.from(text));

  it.each([
    ["has the wrong length", `${good}0`],
    ["has an unknown version", `01${good.slice(2)}`],
    ["has upper case", good.toUpperCase()],
    ["has no trace", `00-${"0".repeat(32)}-${"b".repeat(16)}-01`],
    ["has no span", `00-${"a".repeat(32)}-${"0".repeat(16)}-01`],
    ["is empty", ""],
    ["is far too long", "x".repeat(100_000)],
    ["is not hexadecimal", good.replace("a", "g")],
  ])("is left out where it %s, and the message is read", (_, traceparent) => {
    expect(parseInbound(fields(traceparent))).toEqual({
      ok: true,
      value: { id: "1", platform: "pager", channel: "c", author: "ada", text: "hi", at: 1 },
    });
  });

  it("is read where it is one", () => {
    expect(parseInbound(fields(good))).toMatchObject({ value: { traceparent: good } });
  });

  it("of another writer is the parent of the worker's span", async () => {
    await worker(async () => "42");
    await submit(redis.witness, {
      id: "1",
      platform: "pager",
      channel: "c",
      author: "ada",
      text: "hi",
      at: 1,
      traceparent: good,
    });
    const handled = await span(processed());
    expect([traceOf(handled), parentOf(handled)]).toEqual(["a".repeat(32), "b".repeat(16)]);
  });
});
