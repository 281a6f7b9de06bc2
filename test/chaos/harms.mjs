/** What is done to the processes, the pages and Redis, at moments by seed: each kind once, in an order by seed, and again. */
import { setTimeout as pause } from "node:timers/promises";

const kinds = [
  ...["kill", "freeze", "stop"].flatMap((what) => [`${what} inference`, `${what} gateway`]),
  ...["kill inference", "kill redis", "stop redis", "reload page", "reload page"],
];

const shuffled = (random) => {
  const deck = [...kinds];
  for (let at = deck.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    [deck[at], deck[other]] = [deck[other], deck[at]];
  }
  return deck;
};

/** One after another until `signal` aborts, `decks` times each kind at least. Resolves with how often each was done. */
export const harm = async (world, { random, everyMs, leaseMs, decks, signal }) => {
  const done = {};
  for (let deck = 0; deck < decks || !signal.aborted; deck += 1) {
    for (const kind of shuffled(random)) {
      if (deck >= decks && signal.aborted) break;
      await pause(random.between(...everyMs));
      if (world.isOver) return done;
      if (await does(kind, world, { random, leaseMs })) done[kind] = (done[kind] ?? 0) + 1;
    }
  }
  return done;
};

/** Resolves with whether there was something to harm. */
const does = async (kind, { redis, processes, visitors }, { random, leaseMs }) => {
  const [what, whom] = kind.split(" ");
  const [chance, ms] = [random.next(), random.between(1.5, 3) * leaseMs];
  if (whom === "redis") {
    await redis.restart(what === "kill" ? "SIGKILL" : "SIGTERM");
    return true;
  }
  if (whom === "page") {
    visitors[Math.floor(chance * visitors.length)].reload();
    return true;
  }
  const one = await awake(processes, whom, chance);
  if (one === undefined) return false;
  processes[what](one, ms);
  return true;
};

/** One of those that run: a tier may have none for a while. */
const awake = async (processes, tier, chance) => {
  for (let left = 200; left > 0; left -= 1) {
    const among = processes.awake(tier);
    if (among.length > 0) return among[Math.floor(chance * among.length)];
    await pause(100);
  }
  return undefined;
};
