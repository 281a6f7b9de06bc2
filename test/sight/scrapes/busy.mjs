/** A service with 10,000 phases of 1,000 names, which then holds its event loop for as many ms as its parent sends. */
import { launch, StargazerService } from "../../../dist/src/index.js";

const { phases, names } = JSON.parse(process.env.SIGHT_SCRAPES);

class Busy extends StargazerService {
  constructor() {
    super({ serviceName: "busy", instanceId: "busy-1", healthPort: 0, jitterMaxMs: 0 });
  }
  onStart() {}
  onStop() {}
  async run({ signal, phase }) {
    for (let n = 0; n < phases; n += 1) await phase(`job-${n % names}`, () => {});
    process.send({ type: "done" });
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
}

process.on("message", (ms) => {
  process.send({ type: "blocks", at: Date.now() });
  const until = performance.now() + ms;
  while (performance.now() < until);
  process.send({ type: "goes on", at: Date.now() });
});
await launch(() => new Busy());
