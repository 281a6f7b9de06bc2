// A user's service on this library, from the package as it is built.
import { launch, StargazerService } from "stargazer";
import { cfg, mark, onStart, onStop, run } from "./hooks.cjs";

mark("start");

class Service extends StargazerService {
  onStart() {
    return onStart();
  }
  run({ signal }) {
    mark("ready");
    return run(signal);
  }
  onStop() {
    return onStop();
  }
}

const quiet = { debug() {}, info() {}, warn() {}, error: console.error };
await launch(() => new Service({ serviceName: "bench", instanceId: cfg.instanceId, logger: quiet }));
