/** A pool of Postgres under an HTTP server: what is deferred first is released last, so requests under way have their pool. */
import { once } from "node:events";
import { createServer } from "node:http";
import pg from "pg";
import { launch, StargazerService } from "stargazer";

class Orders extends StargazerService {
  #pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 4, connectionTimeoutMillis: 2000 });
  #port;

  constructor(options) {
    super({
      serviceName: "orders",
      // /readyz is 503 while the database does not answer; the service goes on
      checks: { database: () => this.#pool.query("select 1 as one") },
      ...options,
    });
  }

  async onStart({ defer, log }) {
    // without a listener an error of an idle connection would be an uncaught one
    this.#pool.on("error", (error) => log.warn({ reason: error.message }, "database.lost"));
    defer(() => this.#pool.end());
    await this.#pool.query("select 1 as one");
    const server = createServer((_request, response) => void this.#answer(response, log));
    await once(server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1"), "listening");
    defer(async () => {
      const closed = once(server, "close");
      server.close();
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

  async #answer(response, log) {
    try {
      const stock = await (await fetch(process.env.STOCK_URL)).text();
      const { rows } = await this.#pool.query("select 1 as one");
      response.end(JSON.stringify({ stock, rows: rows.length }));
    } catch (error) {
      log.error({ err: error }, "request.failed");
      response.writeHead(500).end();
    }
  }
}

await launch(() => new Orders());
