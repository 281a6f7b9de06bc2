/** Spans of one's own beside those of the service; nothing of OpenTelemetry stops or flushes here. */
import { trace } from "@opentelemetry/api";
import { launch, StargazerService } from "stargazer";

const tracer = trace.getTracer("orders");

class Orders extends StargazerService {
  onStart() {}

  async run({ signal, log }) {
    await tracer.startActiveSpan("count the stock", async (span) => {
      log.info({}, "stock.asked");
      await (await fetch(process.env.STOCK_URL)).text();
      span.end();
    });
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  onStop() {}
}

await launch(() => new Orders({ serviceName: "orders" }));
