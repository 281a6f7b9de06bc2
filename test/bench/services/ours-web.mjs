// A service that answers HTTP of its own through what the gateway and the web tier are made of.
import { launch, StargazerService } from "stargazer";
import { HttpServer } from "../../../dist/src/http/server.js";
import { cfg, mark, run, work } from "./hooks.cjs";

mark("start");

class Service extends StargazerService {
  async onStart(context) {
    const { signal, log } = context;
    const http = await HttpServer.create({ host: "127.0.0.1", port: cfg.appPort, advice: "Set APP_PORT.", signal, log });
    context.defer(() => http.close());
    http.app.get("/work", async ({ query }) => {
      await work(Number(query.ms));
      return { done: true };
    });
    await http.listen();
  }
  run({ signal }) {
    mark("ready");
    return run(signal);
  }
  onStop() {}
}

const quiet = { debug() {}, info() {}, warn() {}, error: console.error };
await launch(() => new Service({ serviceName: "bench", instanceId: cfg.instanceId, logger: quiet }));
