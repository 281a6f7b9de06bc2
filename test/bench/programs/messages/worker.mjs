// node worker.mjs MODULE PORT: handles messages with a contestant's worker, and answers questions about its processor time and delays.
const [module, port] = process.argv.slice(2);
const { startWorker } = await import(module);

let delays = [];
const epochNow = () => performance.timeOrigin + performance.now();

/** The whole work on one message: its delay is noted. */
const handle = (at) => {
  delays.push(epochNow() - Number(at));
};

const stop = await startWorker({ port: Number(port), handle });
process.on("disconnect", () => process.exit(0));
process.on("message", async (question) => {
  if (question === "stop") {
    await stop();
    process.exit(0);
  }
  if (question === "reset") delays = [];
  const { user, system } = process.cpuUsage();
  process.send({ cpuUs: user + system, handled: delays.length, delays: question === "delays" ? delays : [] });
});
process.send("ready");
