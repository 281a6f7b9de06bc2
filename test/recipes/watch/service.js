/** `node --watch service.js`: each change of a file stops the service in order, and boots it anew. */
import { launch, StargazerService } from "stargazer";

class Orders extends StargazerService {
  onStart() {}

  async run({ signal, log }) {
    log.info({ version: 1 }, "orders.begun");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  onStop() {}
}

await launch(() => new Orders({ serviceName: "orders" }));
