/** Keeps compiled code for the next start. Imported for this effect, before what is to be compiled. */
import { enableCompileCache } from "./compile-cache.ts";

enableCompileCache();
