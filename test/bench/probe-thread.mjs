#!/usr/bin/env node
/** What the probe thread costs: the same service with it and without it, in turns. `node test/bench/probe-thread.mjs [ROUNDS]` */
import { setTimeout as pause } from "node:timers/promises";
import { contestants } from "./kit/contestants.mjs";
import { Launched } from "./kit/launched.mjs";
import { probe } from "./kit/probe.mjs";
import { startRedis } from "./kit/redis.mjs";
import { Samples } from "./kit/stats.mjs";

const rounds = Number(process.argv[2] ?? 11);
const field = ["0", "1"];
const metrics = ["coldMs", "cpuAtReadyMs", "idleRssMb", "scrapedRssMb", "idleStopMs", "threads"];
const [ours] = contestants("ours");
const samples = new Samples();

const redis = await startRedis();
for (let round = -1; round < rounds; round += 1) {
  // who goes first takes turns too
  for (const probeThread of round % 2 ? field : field.toReversed()) {
    const launched = await Launched.start(ours, { redis: redis.port, env: { SG_PROBE_THREAD: probeThread } });
    const coldMs = await launched.ready();
    const cpuAtReadyMs = launched.cpuMs();
    await pause(2500);
    const { rssMb: idleRssMb, threads } = launched.memory();
    await probe(launched.address("ready").replace("readyz", "metrics"), 5000);
    await pause(500);
    const { rssMb: scrapedRssMb } = launched.memory();
    const idleStopMs = await launched.stop();
    const seen = { coldMs, cpuAtReadyMs, idleRssMb, scrapedRssMb, idleStopMs, threads };
    if (round >= 0) for (const metric of metrics) samples.add(metric, probeThread, seen[metric]);
  }
}
await redis.stop();

const shown = ({ median, min, max }, digits = 1) => `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
console.log(`Node ${process.versions.node}, ${rounds} rounds: median (least-most)`);
for (const metric of metrics) {
  const [without, beside] = field.map((id) => shown(samples.alone(metric, id)));
  const difference = samples.values(metric, "1").map((value, round) => value - samples.values(metric, "0")[round]);
  const sorted = difference.sort((a, b) => a - b);
  const ratio = shown(samples.ratio(metric, "1", "0"), 2);
  console.log(
    `${metric.padEnd(13)} without ${without}  with ${beside}  difference ${sorted[sorted.length >> 1].toFixed(1)}  ratio ${ratio}`,
  );
}
process.exit(0);
