/** Turns the compile cache on. Imported for this effect, before the modules that it is to keep. */
import { enableCompileCache } from "./compile-cache.ts";

enableCompileCache();
