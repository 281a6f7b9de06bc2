/** Two things that run the registry's writes: a real Redis, and the one of the simulation. What is claimed of one holds of both. */
import type { RedisClient } from "../../src/redis/client.ts";
import { closeRedis, openRegistryConnection } from "../../src/redis/connection.ts";
import { VirtualClock } from "../simulation/clock.ts";
import { SimulatedConnection } from "../simulation/connection.ts";
import { VirtualProcess } from "../simulation/process.ts";
import { pump } from "../simulation/pump.ts";
import { Random } from "../simulation/random.ts";
import { SimulatedServer } from "../simulation/server.ts";
import { Weather } from "../simulation/weather.ts";
import { startTestRedis } from "./redis.ts";
import { eventually } from "./wait.ts";

export interface RegistryBackend {
  /** for one registration; closed with the backend */
  connect(): RedisClient;
  get(key: string): Promise<string | null>;
  /** as PTTL: ms, -2 for a key that is not there */
  ttlMs(key: string): Promise<number>;
  put(key: string, text: string, ttlMs: number): Promise<void>;
  forgetScripts(): Promise<void>;
  /** Has the memory full or not, with `noeviction`. */
  fill(isFull: boolean): Promise<void>;
  /** resolves once a key has expired */
  expired(key: string): Promise<void>;
  /** makes happen what `work` needs to settle */
  settled<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export const startRealBackend = async (): Promise<RegistryBackend> => {
  const redis = await startTestRedis();
  const { witness } = redis;
  const connections: RedisClient[] = [];
  return {
    connect: () => {
      const connection = openRegistryConnection(witness);
      connections.push(connection);
      return connection;
    },
    get: (key) => witness.get(key),
    ttlMs: (key) => witness.pttl(key),
    put: async (key, text, ttlMs) => void (await witness.set(key, text, "PX", ttlMs)),
    forgetScripts: async () => void (await witness.script("FLUSH")),
    fill: async (isFull) => void (await witness.config("SET", "maxmemory", isFull ? "1" : "0")),
    expired: async (key) => void (await eventually(`${key} expires`, async () => (await witness.exists(key)) === 0)),
    settled: (work) => work,
    close: async () => {
      await Promise.all(connections.map((connection) => closeRedis(connection, { signal: AbortSignal.timeout(1000) })));
      await redis.stop();
    },
  };
};

export const startSimulatedBackend = async (): Promise<RegistryBackend> => {
  const clock = new VirtualClock();
  const random = new Random(1);
  const server = new SimulatedServer({ clock, random, skewMs: 0, onApplied: () => {} });
  const weather = new Weather({ random, trouble: 0, met: () => {} });
  const { registry } = server;
  return {
    connect: () =>
      new SimulatedConnection({ clock, process: new VirtualProcess(clock), server, weather }) as unknown as RedisClient,
    get: async (key) => registry.get(key) ?? null,
    ttlMs: async (key) => registry.ttlMs(key),
    put: async (key, text, ttlMs) => registry.set(key, text, ttlMs),
    forgetScripts: async () => server.forgetScripts(),
    fill: async (isFull) => {
      registry.isFull = isFull;
    },
    expired: async (key) => {
      clock.schedule(() => {}, Math.max(0, registry.ttlMs(key)) + 1, "the key expires");
      await pump(() => registry.get(key) !== undefined && clock.step() !== undefined);
    },
    settled: async (work) => {
      let isSettled = false;
      const note = () => {
        isSettled = true;
      };
      work.then(note, note);
      await pump(() => !isSettled && clock.step() !== undefined);
      return work;
    },
    close: async () => {},
  };
};
