/** A Redis for a test file, and a witness beside it. */
import type { Redis } from "ioredis";
import { tiersUser } from "../../src/fleet/permissions.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import type { EmbeddedRedis, EmbeddedRedisOptions } from "../../src/redis/embedded/server.ts";
import { startEmbeddedRedis } from "../../src/redis/embedded/server.ts";

export interface TestRedis extends Omit<EmbeddedRedis, "port" | "userUrl" | "restart" | "kill" | "stop"> {
  readonly port: number;
  /** of the user of the tiers, who may do what a fleet's Redis lets them do and no more */
  readonly url: string;
  readonly adminUrl: string;
  /** the administrator's */
  readonly password: string;
  /** a connected client of the test's own, beside the code under test; the administrator's */
  readonly witness: Redis;
  /** stops answering until `thaw`; connections stay open */
  freeze(): void;
  thaw(): void;
  /** SIGKILL; from then on the port refuses */
  kill(): void;
  stop(): Promise<void>;
}

/** On a free port, so that a proxy can stand before it. Stop it in `afterAll`. */
export const startTestRedis = async (options: EmbeddedRedisOptions = {}): Promise<TestRedis> => {
  const { userUrl: url, ...server } = await startEmbeddedRedis({
    port: 0,
    user: tiersUser,
    ...options,
    config: ["enable-debug-command local", ...(options.config ?? [])],
  });
  const witness = openRedis(server.url);
  await witness.connect();
  return {
    ...server,
    url,
    adminUrl: server.url,
    password: new URL(server.url).password,
    port: server.port!,
    witness,
    freeze: () => void process.kill(server.pid, "SIGSTOP"),
    thaw: () => void process.kill(server.pid, "SIGCONT"),
    kill: () => void process.kill(server.pid, "SIGKILL"),
    stop: async () => {
      await closeRedis(witness, { signal: AbortSignal.timeout(1000) });
      await server.stop();
    },
  };
};
