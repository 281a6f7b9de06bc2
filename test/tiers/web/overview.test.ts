/** The overview of the streams: those of every platform that a gateway names, with their readers, whatever else an entry names. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RegistryEntry } from "../../../src/registry/registry.ts";
import { messageKeys } from "../../../src/tiers/messages/keys.ts";
import { Gateways } from "../../../src/tiers/web/gateways.ts";
import { readOverview } from "../../../src/tiers/web/overview.ts";
import type { TestRedis } from "../../kit/redis.ts";
import { startTestRedis } from "../../kit/redis.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const gatewaysWith = (...all: unknown[]): Gateways => {
  const gateways = new Gateways();
  for (const [at, platforms] of all.entries()) {
    const entry = { service: "gateway", instance: `gateway-${at}`, status: "running", metadata: { platforms } };
    gateways.take({ type: "registered", entry: entry as unknown as RegistryEntry });
  }
  return gateways;
};

it("has the inbound stream and that of each platform, with readers, lag and what is pending", async () => {
  const keys = messageKeys(redis.witness);
  for (const stream of [keys.inbound, keys.outbound("webchat"), keys.outbound("xmpp")])
    await redis.witness.xadd(stream, "*", "a", "b");
  await redis.witness.xadd(keys.outbound("xmpp"), "*", "a", "b");
  await redis.witness.xgroup("CREATE", keys.outbound("xmpp"), "sg:gateway:xmpp", "0");
  await redis.witness.xreadgroup("GROUP", "sg:gateway:xmpp", "gateway-0", "COUNT", 1, "STREAMS", keys.outbound("xmpp"), ">");
  const { streams } = await readOverview(redis.witness, gatewaysWith(["webchat", "xmpp"]).platforms);
  expect(streams).toEqual([
    { stream: keys.inbound, length: 1, groups: [] },
    { stream: keys.outbound("webchat"), length: 1, groups: [] },
    { stream: keys.outbound("xmpp"), length: 2, groups: [{ group: "sg:gateway:xmpp", lag: 1, pending: 1, readers: 1 }] },
  ]);
});

it("names what most gateways name, at most sixteen, and no key of another kind", () => {
  const many = Array.from({ length: 1000 }, (_, n) => `p${n}`);
  const { platforms } = gatewaysWith(["webchat"], ["webchat"], many, ["../x:y", 7, null, "x".repeat(65)], "webchat", undefined);
  expect([platforms.length, platforms[0], platforms[1]]).toEqual([16, "webchat", "p0"]);
});
