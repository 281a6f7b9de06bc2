/** Another boot of an instance, elsewhere and newer. */
import { closeRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { Registration } from "../../src/registry/registration.ts";
import { deadlines } from "./deadlines.ts";
import type { TestRedis } from "./redis.ts";

/** Takes the entry, as a boot that was started later does. */
export const registerRival = async ({ witness }: TestRedis, service: string, instance: string): Promise<void> => {
  const redis = openRegistryConnection(witness);
  const details = { host: "elsewhere", pid: 1, version: "0", uptimeMs: 0, health: null, metadata: {} };
  const rival = new Registration({ redis, service, instance, leaseTtlMs: 60_000, describe: () => details });
  const signal = AbortSignal.timeout(deadlines.fact);
  const { type } = await rival.register({ status: "running", changed: true }, { signal });
  await closeRedis(redis, { signal });
  if (type !== "ok") throw new Error(`the rival was not let in: ${type}`);
};
