/** The main thread is blocked for 3 s: probes of liveness every 250 ms, each with a second of patience. */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "../kit/contestants.mjs";
import { Launched } from "../kit/launched.mjs";
import { probe } from "../kit/probe.mjs";
import { startRedis } from "../kit/redis.mjs";

const probes = 8;

export const block = {
  name: "block",
  title: "main thread blocked for 3 s",
  rounds: 3,
  quickRounds: 1,
  units: { liveAnswered: `of ${probes}`, liveOk: `of ${probes}`, readyAnswered: `of ${probes}`, backAfterMs: "ms" },
  async run({ rounds, samples, others }) {
    const redis = await startRedis();
    for (let round = 0; round < rounds; round += 1)
      await Promise.all(
        contestants("ours", "node-http", "fastify", ...others).map(async (contestant, at) => {
          await pause(at * 4000);
          const launched = await Launched.start(contestant, { redis: redis.port, blockMs: 3000 });
          await launched.ready();
          await pause(1500);
          const seen = await blocked(launched);
          for (const [metric, value] of Object.entries(seen)) samples.add(metric, contestant.id, value);
          await launched.stop();
        }),
      );
    await redis.stop();
  },
};

const blocked = async (launched) => {
  const at = launched.signal("SIGWINCH");
  await pause(50);
  const asked = [];
  for (let i = 0; i < probes; i += 1) {
    asked.push(Promise.all([probe(launched.address("live"), 1000), probe(launched.address("ready"), 1000)]));
    await pause(240);
  }
  const answers = await Promise.all(asked);
  const answered = (which) => answers.filter((pair) => typeof pair[which] === "number").length;
  for (;;) {
    if ((await probe(launched.address("ready"), 1000)) === 200) break;
    if (performance.now() - at > 15_000) break;
    await pause(20);
  }
  return {
    liveAnswered: answered(0),
    liveOk: answers.filter(([live]) => live === 200).length,
    readyAnswered: answered(1),
    backAfterMs: performance.now() - at,
  };
};
