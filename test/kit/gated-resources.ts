/** The resources of a service, each effect on them behind a gate; beats need none, since they follow timers that the test fires. */
import type { Resources, ServiceResources } from "../../src/service/effects/resources.ts";
import type { GatedRedis } from "./gated-redis.ts";

export const gatedResources = (way: GatedRedis, real: () => ServiceResources): Resources => ({
  get redis() {
    return real().redis;
  },
  get incarnation() {
    return real().incarnation;
  },
  get healthAddress() {
    return real().healthAddress;
  },
  preload: () => real().preload(),
  pingRedis: (waiting) => way.gated("pingRedis", waiting.signal, () => real().pingRedis(waiting)),
  openHealth: async (waiting) => {
    await way.gates.hold("openHealth", waiting.signal);
    await real().openHealth(waiting);
  },
  closeHealth: async (waiting) => {
    await way.gates.hold("closeHealth", waiting.signal);
    await real().closeHealth(waiting);
  },
  entry: {
    register: (write, waiting) => way.gated("registerInstance", waiting.signal, () => real().entry.register(write, waiting)),
    renew: (write, waiting) => way.insist(waiting.signal, () => real().entry.renew(write, waiting)),
    deregister: (waiting) => way.gated("deregisterInstance", waiting.signal, () => real().entry.deregister(waiting)),
  },
  /** Failed or not, and also after its deadline: what is left is closed, then by force. */
  close: async (waiting) => {
    const refused = await way.gates.hold("closeRedis", waiting.signal).catch((error: unknown) => error);
    await real().close(waiting);
    if (refused !== undefined) throw refused;
  },
});
