/** SIGTERM with 50 clients that keep their connections, 20 of them with a request of 200 ms under way. */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { KeptConnection } from "../kit/probe.mjs";
import { startRedis } from "../kit/redis.mjs";

export const shutdown = {
  name: "shutdown",
  title: "shutdown under load",
  rounds: 7,
  quickRounds: 1,
  units: { loadedStopMs: "ms", lost: "of 20" },
  async run({ rounds, samples, others, note }) {
    const redis = await startRedis();
    for (let round = 0; round < rounds; round += 1)
      for (const contestant of contestants("web", "node-http", "fastify", ...others)) {
        const launched = await Launched.start(contestant, { redis: redis.port });
        await launched.ready();
        await pause(300);
        const { stopMs, lost } = await stopLoaded(launched);
        samples.add("loadedStopMs", contestant.id, stopMs);
        samples.add("lost", contestant.id, lost);
        const left = await launched.keys(redis.client);
        if (left.length > 0) note(`${contestant.id} left ${left.length} key(s)`);
        if (launched.exit.code !== 0) note(`${contestant.id} ended with ${launched.exit.code ?? launched.exit.signal}`);
      }
    await redis.stop();
  },
};

const stopLoaded = async (launched) => {
  const clients = Array.from({ length: 50 }, () => new KeptConnection(launched.address("work")));
  await Promise.all(clients.map((client) => client.connected));
  await Promise.all(clients.map((client) => client.get(launched.address("work"))));
  const inFlight = clients.slice(0, 20).map((client) => client.get(launched.address("work", 200)));
  await pause(50);
  const stopped = launched.stop(30_000);
  const answers = await Promise.all(inFlight);
  const stopMs = await stopped;
  for (const client of clients) client.destroy();
  return { stopMs, lost: answers.filter(({ status }) => status !== 200).length };
};
