/** Express beside the contract: the server of Node is closed, which waits for the requests under way. */
import { once } from "node:events";
import express from "express";
import { launch, StargazerService } from "stargazer";

class Orders extends StargazerService {
  #port;

  async onStart({ defer }) {
    const app = express();
    app.get("/orders", async (_request, response) => response.json({ stock: await stock() }));
    const server = app.listen(Number(process.env.PORT ?? 8080), "127.0.0.1");
    await once(server, "listening");
    defer(async () => {
      const closed = once(server, "close");
      server.close();
      // connections that browsers and balancers keep open: now, and 1 ms after their answer
      server.closeIdleConnections();
      server.keepAliveTimeout = 1;
      await closed;
    });
    this.#port = server.address().port;
  }

  async run({ signal }) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  onStop() {}

  describe() {
    return { port: this.#port };
  }
}

const stock = async () => (await fetch(process.env.STOCK_URL)).text();

await launch(() => new Orders({ serviceName: "orders" }));
