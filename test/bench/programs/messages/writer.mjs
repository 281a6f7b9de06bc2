// node writer.mjs MODULE PORT: writes messages at an even rate, to channels of which few have most.
const [module, port] = process.argv.slice(2);
const { startWriter } = await import(module);

const channels = 200;
const text = "a message of some length, as people write it to each other in a chat, and no longer than this";
const epochNow = () => performance.timeOrigin + performance.now();

const write = await startWriter({ port: Number(port) });

/** `count` messages, those that are due each ms. Resolves once all are accepted. */
const run = ({ count, perSecond }) =>
  new Promise((resolve, reject) => {
    const pending = [];
    const began = performance.now();
    const timer = setInterval(() => {
      const due = Math.min(count, Math.floor(((performance.now() - began) * perSecond) / 1000));
      while (pending.length < due) {
        const n = pending.length;
        // of 200 channels, a quarter of the messages goes to the first 13
        const channel = `c${Math.floor(channels * ((n * 0.618033988749895) % 1) ** 2)}`;
        pending.push(write({ id: `m${process.pid}.${n}`, channel, text, at: String(epochNow()) }));
        pending.at(-1).catch(reject);
      }
      if (pending.length < count) return;
      clearInterval(timer);
      Promise.all(pending).then(resolve, reject);
    }, 1);
  });

process.on("disconnect", () => process.exit(0));
process.on("message", async (order) => {
  await run(order);
  process.send("written");
});
process.send("ready");
