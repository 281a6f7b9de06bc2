/**
 * `import "stargazer/early"` as the first line of a service's module, or `node --import stargazer/early`: the probe thread starts while
 * the rest is loaded, so the service is ready sooner. Where no service takes the thread, it ends with the process and keeps none alive.
 * No thread is started where SG_PROBE_THREAD is 0. As PID 1 a signal that comes while the rest is loaded is kept, and the service is then
 * stopped instead of booted; without this it is lost.
 */
import { fromEnvironment } from "./environment.ts";
import { prepareWorker } from "./health/thread/probe-worker.ts";
import { keepSignals } from "./process.ts";

if (process.pid === 1) keepSignals();
if (fromEnvironment("SG_PROBE_THREAD") !== "0") prepareWorker();
