/** The program of the thread that calls `systemd-notify`, as a text, so that a bundle contains it. */

/**
 * Sends the newest message, an array of `NAME=value`: one that waits behind a newer one is outdated. Feeds the watchdog every `everyMs` if
 * the main thread's count has grown since the last time, so a blocked event loop starves it. Posts why a call failed.
 */
export const program = `
const { spawnSync } = require("node:child_process");
const { parentPort, receiveMessageOnPort, workerData } = require("node:worker_threads");
const { beats, everyMs } = workerData;
const options = { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8", timeout: 5000 };
const failureOf = (fields) => {
  try {
    const { error, status, stderr } = spawnSync("systemd-notify", fields, options);
    if (error !== undefined || status !== 0) return error?.code ?? (stderr.trim() || "it exited " + status);
  } catch (error) {
    return error.message;
  }
};
const send = (fields) => {
  const failure = failureOf(fields);
  if (failure !== undefined) parentPort.postMessage(failure);
};
parentPort.on("message", (fields) => {
  let newest = fields;
  for (let next = receiveMessageOnPort(parentPort); next !== undefined; next = receiveMessageOnPort(parentPort)) newest = next.message;
  send(newest);
});
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
