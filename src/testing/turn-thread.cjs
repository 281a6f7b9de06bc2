// @ts-check
/**
 * The thread beside a scenario: it measures how long the event loop of the kit goes without a turn, and kills the process when that
 * will not end. Plain JavaScript, which the thread runs as it stands.
 *
 * Layout of the shared memory, in cells of 32 bits: the turns so far, what of the service is under way (a bit each), the longest time
 * without a turn in ms, what was under way in it, and 1 once the scenario has ended.
 */
const { writeSync } = require("node:fs");
const { workerData } = require("node:worker_threads");

/** @import { TurnThreadData } from "./turns.ts" */

/** ms of one look: a process that was stopped as a whole, this thread included, has gone one look without a turn */
const lookMs = 100;
const turns = 0;
const underWay = 1;
const longestMs = 2;
const underWayThen = 3;
const hasEnded = 4;

/** @type {TurnThreadData} */
const { cells, places, scenario, claim, killAfterMs } = workerData;

/** @param {number} ms */
const kill = (ms) => {
  const bits = Atomics.load(cells, underWay);
  const names = places.filter((_, at) => bits & (1 << at)).join(" or ") || "a loop, listener or timer that no hook waits for";
  const lines = [
    `stargazer/testing: '${scenario}' is BROKEN, and process ${process.pid} is killed: nothing else ends a blocked event loop`,
    `  claim: ${claim}`,
    `  - ${names} has held the event loop for ${ms} ms. Neither timers nor signals are handled meanwhile. A loop has to wait in each of`,
    "    its passes, behind what catches its errors: a rejection without I/O lets the event loop make no turn.",
  ];
  try {
    writeSync(2, `${lines.join("\n")}\n`);
  } finally {
    process.kill(process.pid, "SIGKILL");
  }
};

let seen = Atomics.load(cells, turns);
let heldMs = 0;
while (Atomics.load(cells, hasEnded) === 0) {
  if (Atomics.wait(cells, turns, seen, lookMs) === "timed-out") heldMs += lookMs;
  else {
    seen = Atomics.load(cells, turns);
    heldMs = 0;
  }
  if (heldMs > Atomics.load(cells, longestMs)) {
    Atomics.store(cells, underWayThen, Atomics.load(cells, underWay));
    Atomics.store(cells, longestMs, heldMs);
  }
  if (heldMs >= killAfterMs) kill(heldMs);
}
