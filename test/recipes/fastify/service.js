/** Fastify beside the contract: requests that are under way at the stop are answered, then the listener is gone. */
import Fastify from "fastify";
import { launch, StargazerService } from "stargazer";

class Orders extends StargazerService {
  #port;

  async onStart({ defer }) {
    const app = Fastify();
    app.get("/orders", async () => ({ stock: await stock() }));
    // Fastify's close refuses new connections and waits for the requests under way, at most stopTimeoutMs
    defer(() => {
      // ms after an answer: a connection that its client keeps open would hold the close for 72 s
      app.server.keepAliveTimeout = 1;
      return app.close();
    });
    await app.listen({ port: Number(process.env.PORT ?? 8080), host: "127.0.0.1" });
    this.#port = app.server.address().port;
  }

  async run({ signal }) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }

  onStop() {}

  /** In the metadata of the registry entry, for those who look for the service. */
  describe() {
    return { port: this.#port };
  }
}

const stock = async () => (await fetch(process.env.STOCK_URL)).text();

await launch(() => new Orders({ serviceName: "orders" }));
