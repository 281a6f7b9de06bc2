/** What the chart's actors do: the tier's hooks, and the world's calls. */

import type { HookRunner } from "../hooks/hooks.ts";
import type { Performances } from "./actors.ts";
import type { World } from "./world.ts";

export const performancesOf = (hooks: HookRunner, world: World): Performances => ({
  pingRedis: (signal) => world.pingRedis(signal),
  startTier: (signal) => hooks.start(signal),
  registerInstance: (signal, write) => world.registerInstance(signal, write),
  renewLease: (signal, write) => world.renewLease(signal, write),
  openHealth: (signal) => world.openHealth(signal),
  runTier: (signal) => hooks.run(signal),
  closeHealth: (signal) => world.closeHealth(signal),
  deregisterInstance: (signal) => world.deregisterInstance(signal),
  drainTier: () => hooks.drain(),
  stopTier: (signal) => hooks.stop(signal),
  releaseTier: (signal, { withinMs }) => hooks.release(withinMs, signal),
  closeRedis: (signal) => {
    hooks.endReleases();
    return world.close(signal);
  },
});
