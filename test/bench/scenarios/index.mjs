/** Every scenario, in the order in which they run. */
import { block } from "./block.mjs";
import { cold } from "./cold.mjs";
import { health } from "./health.mjs";
import { memory } from "./memory.mjs";
import { packages } from "./packages.mjs";
import { shutdown } from "./shutdown.mjs";
import { trips } from "./trips.mjs";

export const scenarios = [cold, trips, shutdown, health, block, memory, packages];
