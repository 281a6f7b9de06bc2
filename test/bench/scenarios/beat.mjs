/** What a beat and an entry cost Redis. */
import { Redis } from "ioredis";
import { bootOf, patience, registryConnection, started, writeFleet } from "../kit/fleet.mjs";
import { serverCpuUs, startRedis } from "../kit/redis.mjs";

const connections = 100;
const perConnection = 100;

export const beat = {
  name: "beat",
  title: "what a beat and an entry cost Redis",
  rounds: 9,
  quickRounds: 3,
  units: { beatCpuUs: "µs", entryBytes: "bytes" },
  async run({ rounds, samples }) {
    samples.add("entryBytes", "our entry", await entryBytes());
    const redis = await startRedis();
    const signal = patience();
    const ours = [];
    const plain = [];
    const clients = [];
    for (let i = 0; i < connections; i += 1) {
      const connection = await registryConnection(redis.url);
      const boot = bootOf(connection, "svc", `i${i}`);
      await boot.register(started, { signal });
      ours.push(() => boot.renew({ status: "running", changed: false }, { signal }));
      const client = new Redis(redis.url, { lazyConnect: true });
      await client.connect();
      clients.push(connection, client);
      plain.push(() => client.pexpire(`sg:registry:service:svc:i${i}`, 600_000));
    }
    const ways = { "our beat": ours, PEXPIRE: plain };
    for (let round = -1; round < rounds; round += 1)
      for (const [name, beats] of Object.entries(ways)) {
        const before = await serverCpuUs(redis.client);
        await Promise.all(beats.map(inSequence));
        const used = (await serverCpuUs(redis.client)) - before;
        if (round >= 0) samples.add("beatCpuUs", name, used / (connections * perConnection));
      }
    for (const client of clients) client.disconnect();
    await redis.stop();
  },
};

const inSequence = async (work) => {
  for (let i = 0; i < perConnection; i += 1) await work();
};

const entryBytes = async () => {
  const redis = await startRedis();
  const connection = await registryConnection(redis.url);
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.client.info("memory"))[1]);
  await writeFleet(connection, { services: 1, each: 10 });
  const before = await used();
  const services = 10;
  await writeFleet(connection, { services, each: 1000 });
  const bytes = (await used()) - before;
  const length = await redis.client.strlen("sg:registry:service:svc0:host-4242-0x1");
  if (length < 280 || length > 330) throw new Error(`the entry has ${length} bytes, not about 300`);
  connection.disconnect();
  await redis.stop();
  return bytes / (services * 1000);
};
