/** The HTTP of a tier: where it listens is sent to the supervisor, if there is one. */
import type { Address, HttpServer } from "../http/server.ts";
import { announceListening } from "../process.ts";

/** Resolves with the address once the server listens and the supervisor has been sent it. Rejects as `HttpServer.listen` does. */
export const listenPublished = async (server: HttpServer): Promise<Address> => {
  const { taken, ...address } = await server.listen();
  announceListening({ name: "http", ...address, taken });
  return address;
};
