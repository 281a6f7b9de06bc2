"use strict";
// Put into every contestant by `node --require`: marks of its boot, and a way to block its main thread. Well under 1 ms, for all.
const { isMainThread } = require("node:worker_threads");

if (isMainThread && process.env.BENCH_MARKS) {
  const marks = {};
  globalThis.__bench = {
    mark(name) {
      if (marks[name]) return;
      const { user, system } = process.cpuUsage();
      marks[name] = performance.now();
      marks[`${name}Cpu`] = (user + system) / 1000;
      if (name === "ready") require("node:fs").writeFileSync(process.env.BENCH_MARKS, JSON.stringify(marks));
    },
  };
}

if (isMainThread && process.env.BENCH_BLOCK_MS) {
  process.on("SIGWINCH", () => {
    const end = Date.now() + Number(process.env.BENCH_BLOCK_MS);
    while (Date.now() < end);
  });
}
