/** A fleet in the registry, written by the library's own code. */
import { setMaxListeners } from "node:events";
import { Redis } from "ioredis";
import { openRegistryConnection } from "../../../dist/src/redis/connection.js";
import { Registration } from "../../../dist/src/registry/registration.js";

const minute = 60_000;

export const registryConnection = async (url) => {
  const owner = new Redis(url, { lazyConnect: true });
  const connection = openRegistryConnection(owner);
  await connection.connect();
  return connection;
};

/** An entry of about 300 bytes. */
export const bootOf = (redis, service, instance, leaseTtlMs = 10 * minute) =>
  new Registration({
    redis,
    service,
    instance,
    leaseTtlMs,
    describe: () => ({
      host: "node-17.example",
      pid: 4242,
      version: "3.0.0",
      uptimeMs: 60_000,
      health: { host: "10.0.0.17", port: 9090 },
      metadata: { zone: "b" },
    }),
  });

export const started = { status: "running", changed: true };

/** One deadline for many calls at once. */
export const patience = () => {
  const signal = AbortSignal.timeout(10 * minute);
  setMaxListeners(0, signal);
  return signal;
};

export const writeFleet = async (redis, { services, each }) => {
  const signal = patience();
  for (let service = 0; service < services; service += 1)
    for (let from = 0; from < each; from += 500) {
      const count = Math.min(500, each - from);
      const boots = Array.from({ length: count }, (_, i) => bootOf(redis, `svc${service}`, `host-4242-${service}x${from + i}`));
      await Promise.all(boots.map((boot) => boot.register(started, { signal })));
    }
};

/** Keys of another application. */
export const writeOthers = async (redis, count) => {
  const lua = "for i = ARGV[1], ARGV[2] do redis.call('SET', 'other:' .. i, 'x') end";
  for (let from = 0; from < count; from += 50_000) await redis.eval(lua, 0, from, Math.min(count, from + 50_000) - 1);
};
