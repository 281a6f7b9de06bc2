/** The life of a message on a real Redis: every path of `message.machine.ts`, and every call that has no arrow changes nothing. */
import { afterAll, beforeAll, describe } from "vitest";
import type { MessageSnapshot } from "../../machines/index.ts";
import { messageMachine } from "../../machines/index.ts";
import { MessageUnderTest } from "../kit/message-under-test.ts";
import type { Model } from "../kit/model.ts";
import { Coverage, testCoverage, testPaths } from "../kit/model-paths.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const model: Model<MessageSnapshot> = { machine: messageMachine, input: undefined, key: ({ value }) => value, payloads: {} };

describe("a message on a real Redis", () => {
  const coverage = new Coverage(model.machine);

  testPaths({ model, coverage, make: (events, onTaken) => MessageUnderTest.make(redis, events, onTaken) });
  testCoverage(coverage);
});
