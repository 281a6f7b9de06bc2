/** Listing: one service of a thousand, alone and among a million keys of others; and a whole fleet. */
import { Registry } from "../../../dist/src/registry/registry.js";
import { registryConnection, writeFleet, writeOthers } from "../kit/fleet.mjs";
import { startRedis } from "../kit/redis.mjs";
import { median } from "../kit/stats.mjs";

const services = 10;

export const list = {
  name: "list",
  title: "listing the registry",
  rounds: 9,
  quickRounds: 3,
  units: { oneServiceMs: "ms", fleetMs: "ms" },
  async run({ rounds, samples }) {
    const each = 1000;
    const [alone, crowded] = [await startRedis(), await startRedis()];
    for (const redis of [alone, crowded]) {
      const connection = await registryConnection(redis.url);
      await writeFleet(connection, { services, each });
      connection.disconnect();
    }
    await writeOthers(crowded.client, 1_000_000);
    const ways = {
      oneServiceMs: {
        "ours, alone": () => new Registry(alone.client).list("svc3"),
        "ours, among others": () => new Registry(crowded.client).list("svc3"),
        "SCAN COUNT 1000, among others": () => scanned(crowded.client, "sg:registry:service:svc3:*"),
      },
      fleetMs: {
        "ours, alone": () => new Registry(alone.client).list(),
        "ZRANGE + MGET, alone": () => raw(alone.client),
      },
    };
    for (let round = -1; round < rounds; round += 1)
      for (const [metric, contestants] of Object.entries(ways))
        for (const [name, work] of Object.entries(contestants)) {
          const wanted = metric === "fleetMs" ? each * services : each;
          const ms = await timed(work, wanted, name.startsWith("SCAN") ? 1 : 5);
          if (round >= 0) samples.add(metric, name, ms);
        }
    await Promise.all([alone.stop(), crowded.stop()]);
  },
};

const timed = async (work, wanted, times) => {
  const taken = [];
  for (let i = 0; i < times; i += 1) {
    const began = performance.now();
    const { length } = await work();
    taken.push(performance.now() - began);
    if (length !== wanted) throw new Error(`${length} listed, not ${wanted}`);
  }
  return median(taken);
};

const parsed = (texts) => texts.filter((text) => text !== null).map((text) => JSON.parse(text));

const scanned = async (client, match) => {
  const keys = [];
  let cursor = "0";
  do {
    const [next, found] = await client.scan(cursor, "MATCH", match, "COUNT", 1000);
    keys.push(...found);
    cursor = next;
  } while (cursor !== "0");
  return parsed(await client.mget(keys));
};

const raw = async (client) => {
  const names = Array.from({ length: services }, (_, service) => `svc${service}`);
  const found = await Promise.all(names.map((name) => client.zrange(`sg:registry:idx:${name}`, Date.now(), "+inf", "BYSCORE")));
  const keys = found.flatMap((instances, at) => instances.map((instance) => `sg:registry:service:${names[at]}:${instance}`));
  const chunks = [];
  for (let at = 0; at < keys.length; at += 500) chunks.push(client.mget(keys.slice(at, at + 500)));
  return parsed((await Promise.all(chunks)).flat());
};
