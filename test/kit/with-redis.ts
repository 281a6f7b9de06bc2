/** A Redis for the tests of a file, and what they open beside it. */
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll } from "vitest";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { deadlines } from "./deadlines.ts";
import type { TestRedis } from "./redis.ts";
import { startTestRedis } from "./redis.ts";

/** A signal that aborts at the tests' deadline of a fact. */
export const soon = (): AbortSignal => AbortSignal.timeout(deadlines.fact);

/** The Redis ends with the file, the clients and servers with the test that has opened them. */
export const withRedis = () => {
  let redis: TestRedis;
  const clients: Redis[] = [];
  const servers: (() => void)[] = [];
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => closeRedis(client, { signal: soon() })));
    for (const end of servers.splice(0)) end();
  });
  afterAll(() => redis.stop());
  return {
    get redis() {
      return redis;
    },
    open(...place: Parameters<typeof openRedis>): Redis {
      const client = openRedis(...place);
      clients.push(client);
      return client;
    },
    /** Resolves with the port that was free. */
    async listen(server: Server, host: string): Promise<number> {
      const sockets = new Set<Socket>();
      server.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
      servers.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
      });
      await once(server.listen(0, host), "listening");
      return (server.address() as AddressInfo).port;
    },
  };
};
