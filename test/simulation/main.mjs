/** `npm run simulate`: compiles the simulation, which is TypeScript, and runs it. */
import { compile } from "./compile.mjs";

// traces of errors that were made to happen cost a tenth of the time
Error.stackTraceLimit = 0;
const { main } = await import(new URL("command.js", compile()));
process.exitCode = await main(process.argv.slice(2));
