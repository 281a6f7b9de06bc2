/** Listens on a port; its error has the reason of a refusal and the remedy. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { PortAddress } from "../../machines/health-port.machine.ts";
import { effectPhases } from "../../machines/phases.ts";
import { authority } from "../address.ts";
import { StargazerError } from "../errors.ts";
import { portProblem } from "../http/port-problem.ts";

export interface ListenOptions extends PortAddress {
  readonly signal: AbortSignal;
}

const addressOf = (server: Server): PortAddress => {
  const { address: host, port } = server.address() as AddressInfo;
  return { host, port };
};

const remedies = {
  port: "Set SG_HEALTH_PORT or the option healthPort to 1024 or more (0 picks a free one).",
  host: "Set SG_HEALTH_HOST or the option healthHost.",
  unknown: "Set healthHost and healthPort, or useHealthServer: false.",
} as const;

/** `SG_ERR_HEALTH_PORT_IN_USE` or `SG_ERR_HEALTH_OPEN_FAILED`, with what to do about it. */
export const refusal = (error: NodeJS.ErrnoException, { host, port }: PortAddress): StargazerError => {
  const options = { phase: effectPhases.openHealth, cause: error };
  if (error.code === "EADDRINUSE") {
    const advice = "Stop the other one, or set SG_HEALTH_PORT or the option healthPort (0 picks a free one).";
    return new StargazerError("SG_ERR_HEALTH_PORT_IN_USE", `health port ${port} on ${host} is taken. ${advice}`, options);
  }
  const { clause, wrong = "unknown" } = portProblem(error, host);
  return new StargazerError(
    "SG_ERR_HEALTH_OPEN_FAILED",
    `the health server could not listen on ${authority({ host, port })}: ${clause}. ${remedies[wrong]}`,
    options,
  );
};

/**
 * Resolves with the address when the server listens; rejects with `refusal`. An abort does not end the lookup of a host name, so a
 * server that listens after it is closed at once, and the signal's reason rejects.
 */
export const listen = (server: Server, { host, port, signal }: ListenOptions): Promise<PortAddress> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(refusal(error, { host, port }));
    server.once("error", fail);
    server.once("listening", () => {
      server.off("error", fail);
      if (!signal.aborted) return resolve(addressOf(server));
      server.close();
      reject(signal.reason);
    });
    // in a worker of node:cluster a port is shared with the others unless it is exclusive
    server.listen({ host, port, exclusive: true });
  });
