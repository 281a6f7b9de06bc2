/**
 * `import "stargazer/early"` as the first line of a service's module, or `node --import stargazer/early`: the probe thread starts while
 * the rest is loaded, so the service is ready sooner. Where no service takes the thread, it ends with the process and keeps none alive.
 * Without effect where SG_PROBE_THREAD is 0.
 */
import { fromEnvironment } from "./environment.ts";
import { prepareWorker } from "./health/thread/probe-worker.ts";

if (fromEnvironment("SG_PROBE_THREAD") !== "0") prepareWorker();
