/** The program of the thread that calls `systemd-notify`, as a text, so that a bundle contains it. */

/**
 * Sends each message, an array of `NAME=value`, in order. Feeds the watchdog every `everyMs` if the main thread's count has grown
 * since the last time, so a blocked event loop starves it.
 */
export const program = `
const { spawnSync } = require("node:child_process");
const { parentPort, workerData } = require("node:worker_threads");
const { beats, everyMs } = workerData;
const send = (fields) => spawnSync("systemd-notify", fields, { stdio: "ignore", timeout: 5000 });
parentPort.on("message", send);
if (everyMs !== undefined) {
  const count = new Int32Array(beats);
  let seen = -1;
  setInterval(() => {
    const now = Atomics.load(count, 0);
    if (now !== seen) send(["WATCHDOG=1"]);
    seen = now;
  }, everyMs);
}
`;
