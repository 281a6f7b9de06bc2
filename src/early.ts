/**
 * `import "stargazer/early"` as the first line of a service's module, or `node --import stargazer/early`: the probe thread starts while
 * the rest is loaded. A thread that no service takes ends with the process and does not keep it alive.
 * With SG_PROBE_THREAD=0 no thread is started. As PID 1, a stop signal that arrives while the rest is loaded is kept, and the service then
 * stops instead of booting; without this import it is lost.
 */
import { fromEnvironment } from "./environment.ts";
import { prepareWorker } from "./health/thread/probe-worker.ts";
import { keepSignals } from "./process.ts";

if (process.pid === 1) keepSignals();
if (fromEnvironment("SG_PROBE_THREAD") !== "0") prepareWorker();
