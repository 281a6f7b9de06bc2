/** `npm run simulate`: bundles the simulation, which is TypeScript, and runs it. */
import { setFlagsFromString } from "node:v8";
import { compile } from "./compile.mjs";

// optimizes a function after a third of the calls: a run is short and does the same all the time
setFlagsFromString("--interrupt-budget=40000");
// traces of errors that were made to happen cost a tenth of the time
Error.stackTraceLimit = 0;
const { main } = await import(new URL("command.js", await compile()));
process.exitCode = await main(process.argv.slice(2));
