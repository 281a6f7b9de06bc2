/** A tier that stops claims nothing and holds no page from the first moment of `stopping`, while load balancers still have their time. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import type { StargazerService } from "../../src/service/service.ts";
import { seams } from "../../src/service/service.ts";
import { GatewayService } from "../../src/tiers/gateway/gateway.ts";
import type { PlatformAdapter } from "../../src/tiers/gateway/platform.ts";
import { Webchat } from "../../src/tiers/gateway/webchat.ts";
import { InferenceService } from "../../src/tiers/inference/inference.ts";
import { messageKeys } from "../../src/tiers/messages/keys.ts";
import { holdTimers } from "../kit/gates.ts";
import { submit } from "../kit/messages.ts";
import { withPatience } from "../kit/patience.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";
import { Chat } from "../kit/webchat.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const drainDelayMs = 7777;
const delay = holdTimers(drainDelayMs);
const options = () =>
  withPatience({
    redis: redis.url,
    useHealthServer: true,
    healthPort: 0,
    probeThread: false,
    jitterMaxMs: 0,
    logger: silentLogger,
    drainDelayMs,
    [seams]: { clock: delay.clock },
  });
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const start = async <T extends StargazerService>(service: T): Promise<T> => {
  await service.boot();
  void service.runToCompletion();
  await service.waitFor("running");
  ends.push(async () => {
    const stopped = service.shutdown();
    delay.end();
    const { failures } = await stopped;
    expect(failures).toEqual([]);
  });
  return service;
};

/** Begins to stop. Resolves in `stopping.announcing`, which lasts until the test has ended. */
const stopping = async (service: StargazerService): Promise<void> => {
  void service.shutdown();
  await eventually("the delay has begun", delay.isHeld);
};
const pathOf = (service: StargazerService) => service.status().path;
const consumersOf = (service: StargazerService) =>
  Object.keys(service.actor.getSnapshot().children).filter((id) => id.startsWith("companion.consumer"));
const message = (id: string, platform = "test") => ({ id, platform, channel: "c", author: "a", text: "hello", at: 1 });

it("inference claims nothing more, and answers what it has", async () => {
  let answer: ((text: string) => void) | undefined;
  const responder = { name: "held", respond: () => new Promise<string>((resolve) => (answer = resolve)) };
  const service = await start(new InferenceService({ ...options(), responder }));
  await submit(redis.witness, message("begun"));
  const { inbound, outbound } = messageKeys(redis.witness);
  const done = await eventually("the responder is asked", () => answer);
  await stopping(service);
  await submit(redis.witness, message("late"));
  done("done");
  await eventually("the consumer has left", () => consumersOf(service).length === 0);
  const [group] = (await redis.witness.xinfo("GROUPS", inbound)) as unknown[][];
  expect(group!.slice(-2)).toEqual(["lag", 1]);
  expect((await redis.witness.xrange(outbound("test"), "-", "+")).map(([, fields]) => fields[fields.indexOf("to") + 1])).toEqual([
    "begun",
  ]);
  expect(pathOf(service)).toBe("stopping.announcing");
});

it("a gateway closes its pages with 1001, and delivers nothing more", async () => {
  const delivered: string[] = [];
  const platform: PlatformAdapter = {
    platform: "pushed",
    open: () => {},
    deliver: async ({ id }) => void delivered.push(id),
  };
  const service = await start(new GatewayService({ ...options(), port: 0, platforms: [new Webchat(), platform] }));
  const chat = await Chat.open(service.http!.port);
  await stopping(service);
  await eventually("the page is closed", () => chat.closedWith !== undefined);
  await eventually("the consumer has left", () => consumersOf(service).length === 0);
  const entry = [
    "id",
    "1",
    "to",
    "1",
    "platform",
    "pushed",
    "channel",
    "c",
    "text",
    "t",
    "at",
    "1",
    "role",
    "assistant",
    "log",
    "1-1",
  ];
  await redis.witness.xadd(messageKeys(redis.witness).outbound("pushed"), "*", ...entry);
  expect([chat.closedWith, delivered, pathOf(service)]).toEqual([1001, [], "stopping.announcing"]);
});
