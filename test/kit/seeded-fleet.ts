/** A registry as a large fleet leaves it, without the fleet. */
import type { Redis } from "ioredis";
import { entryText } from "../../src/registry/entry.ts";
import { registryKeys } from "../../src/registry/keys.ts";

export interface SeededFleet {
  readonly count: number;
  /** bytes of each entry's metadata; default 2 */
  readonly metadataBytes?: number;
}

/** ms for which a seeded lease lives */
const leaseMs = 3_600_000;

/** Writes running entries of the service `seeded`, named by their number, as their own writers would. */
export const seedFleet = async (redis: Redis, { count, metadataBytes = 2 }: SeededFleet): Promise<void> => {
  const keys = registryKeys({ isCluster: false });
  const metadata = metadataBytes < 9 ? {} : { x: "x".repeat(metadataBytes - 8) };
  const pipeline = redis.pipeline().sadd(keys.services, "seeded");
  for (let at = 0; at < count; at += 1) {
    const instance = `seeded-${String(at).padStart(5, "0")}-pod-7c9f8d6b54`;
    const text = entryText({
      incarnation: 1_795_962_499_186_500 + at,
      boot: "00112233445566ff",
      service: "seeded",
      instance,
      status: "running",
      startedAt: Date.now(),
      since: Date.now(),
      host: "ip-10-0-0-1.eu-central-1.compute.internal",
      pid: 4242,
      version: "1.2.3",
      health: { host: "10.0.0.1", port: 9090 },
      metadata,
    });
    pipeline.set(keys.service("seeded", instance), text, "PX", leaseMs);
    pipeline.zadd(keys.index("seeded"), Date.now() + leaseMs, instance);
  }
  await pipeline.exec();
};
