/** Every scenario, in the order in which they run. */
import { beat } from "./beat.mjs";
import { block } from "./block.mjs";
import { cold } from "./cold.mjs";
import { growth } from "./growth.mjs";
import { health } from "./health.mjs";
import { inspect, light } from "./inspect.mjs";
import { journal } from "./journal.mjs";
import { lifecycle } from "./lifecycle.mjs";
import { list } from "./list.mjs";
import { memory } from "./memory.mjs";
import { messages } from "./messages.mjs";
import { packages } from "./packages.mjs";
import { shutdown } from "./shutdown.mjs";
import { simulation } from "./simulation.mjs";
import { slow } from "./slow.mjs";
import { storm } from "./storm.mjs";
import { trips } from "./trips.mjs";
import { watch } from "./watch.mjs";

export const scenarios = [
  cold,
  trips,
  shutdown,
  health,
  block,
  memory,
  packages,
  list,
  storm,
  beat,
  watch,
  journal,
  messages,
  lifecycle,
  simulation,
  inspect,
  light,
  slow,
  growth,
];
