#!/usr/bin/env node
/** The door of the command line: the bundle, or the plain modules where something is preloaded that instruments them. */
import { debuglog } from "node:util";
import "../with-compile-cache.ts";
import { instrumentedBy } from "../instrumented.ts";

const preloaded = instrumentedBy();
if (preloaded !== undefined) debuglog("stargazer")("%s may instrument modules: the command line runs from plain ones", preloaded);
// in dist this is the bundle, unless something is preloaded
await import("./program.ts");
