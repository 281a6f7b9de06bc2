/** A service that boots, runs and stops over and over, and sends its parent when its chart entered which state. argv: its name. */
import { setTimeout as pause } from "node:timers/promises";
import { StargazerService } from "../../../dist/src/index.js";

const [, , name] = process.argv;
const between = (low, high) => low + (high - low) * Math.random();

class Blinker extends StargazerService {
  constructor() {
    super({ serviceName: name, instanceId: `${name}-1`, healthPort: 0, jitterMaxMs: 0 });
  }
  onStart() {
    return pause(between(100, 300));
  }
  async run({ signal }) {
    setTimeout(() => void this.shutdown("the next life"), between(1000, 3000));
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }
  onStop() {
    return pause(between(100, 300));
  }
}

const watch = (service) => {
  let last = "";
  service.actor.subscribe(({ value }) => {
    const state = typeof value === "string" ? value : Object.keys(value)[0];
    if (state === last) return;
    last = state;
    process.send({ state, at: Date.now() });
  });
};

let isOver = false;
process.on("message", () => {
  isOver = true;
});
while (!isOver) {
  const service = new Blinker();
  watch(service);
  await service.runToCompletion();
}
process.disconnect();
