/** A logger of pino: the facts of the service and its own lines in one form, `context.log` is the same logger. */
import pino from "pino";
import { launch, StargazerService } from "stargazer";

const logger = pino({ base: { service: "orders" } });

class Orders extends StargazerService {
  onStart() {}

  async run({ signal, log }) {
    const stock = await (await fetch(process.env.STOCK_URL)).text();
    log.info({ stock }, "stock.counted");
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  onStop() {}
}

await launch(() => new Orders({ serviceName: "orders", logger }));
