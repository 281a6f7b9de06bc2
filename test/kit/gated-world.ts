/** The real world of a service, each effect of it behind a gate; beats need none, for they follow timers that the test fires. */
import type { RealWorld, World } from "../../src/service/effects/world.ts";
import type { GatedRedis } from "./gated-redis.ts";

export const gatedWorld = (way: GatedRedis, real: () => RealWorld): World => ({
  get redis() {
    return real().redis;
  },
  get incarnation() {
    return real().incarnation;
  },
  warm: () => real().warm(),
  pingRedis: (signal) => way.gated("pingRedis", signal, () => real().pingRedis(signal)),
  openHealth: async (signal) => {
    await way.gates.hold("openHealth", signal);
    await real().openHealth(signal);
  },
  closeHealth: async (signal) => {
    await way.gates.hold("closeHealth", signal);
    await real().closeHealth(signal);
  },
  registerInstance: (signal, write) => way.gated("registerInstance", signal, () => real().registerInstance(signal, write)),
  renewLease: (signal, write) => way.insist(signal, () => real().renewLease(signal, write)),
  deregisterInstance: (signal) => way.gated("deregisterInstance", signal, () => real().deregisterInstance(signal)),
  /** failed or not, and also when its time is over: what is left is closed, by force then */
  close: async (signal) => {
    const refused = await way.gates.hold("closeRedis", signal).catch((error: unknown) => error);
    await real().close(signal);
    if (refused !== undefined) throw refused;
  },
});
