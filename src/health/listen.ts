/** Takes a port, or says why it could not be taken and what to do. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, StargazerError } from "../errors.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ListenOptions extends Address {
  readonly signal: AbortSignal;
}

/** Undefined while the server does not listen. */
export const addressOf = (server: Server): Address | undefined => {
  const address = server.address() as AddressInfo | null;
  return address === null ? undefined : { host: address.address, port: address.port };
};

const wayOut: Readonly<Record<string, string>> = {
  EACCES: "The port needs privileges: set SG_HEALTH_PORT or the option healthPort to 1024 or more.",
  EADDRNOTAVAIL: "This machine has no such address: set SG_HEALTH_HOST or the option healthHost.",
  ENOTFOUND: "The name is unknown: set SG_HEALTH_HOST or the option healthHost.",
};

export const refusal = (error: NodeJS.ErrnoException, { host, port }: Address): StargazerError => {
  const options = { phase: "healthy", cause: error };
  if (error.code === "EADDRINUSE") {
    const advice = "Stop the other one, or set SG_HEALTH_PORT or the option healthPort (0 picks a free one).";
    return new StargazerError("SG_ERR_HEALTH_PORT_IN_USE", `health port ${port} on ${host} is taken. ${advice}`, options);
  }
  const advice = wayOut[error.code ?? ""] ?? "Set healthHost and healthPort, or useHealthServer: false.";
  return new StargazerError(
    "SG_ERR_HEALTH_OPEN_FAILED",
    `the health server could not listen on ${host}:${port}: ${messageOf(error)}. ${advice}`,
    options,
  );
};

/** A name is looked up before the port is taken and cannot be called back: a server that listens after the abort is closed at once. */
export const listen = (server: Server, { host, port, signal }: ListenOptions): Promise<Address> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(refusal(error, { host, port }));
    server.once("error", fail);
    server.once("listening", () => {
      server.off("error", fail);
      if (!signal.aborted) return resolve(addressOf(server)!);
      server.close();
      reject(signal.reason);
    });
    server.listen({ host, port });
  });
