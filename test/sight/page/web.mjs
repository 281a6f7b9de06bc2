/** The web tier as a process, which answers what memory it has after a garbage collection (needs --expose-gc). */
import { launch } from "../../../dist/src/index.js";
import { WebService } from "../../../dist/src/tiers/web/web.js";

process.on("message", (message) => {
  if (message !== "memory") return;
  for (let pass = 0; pass < 3; pass += 1) globalThis.gc();
  const { rss, heapUsed } = process.memoryUsage();
  process.send({ type: "memory", rss, heapUsed });
});
await launch(() => new WebService({ port: 0, healthPort: 0, jitterMaxMs: 0 }));
