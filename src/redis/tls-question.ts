/** What a server makes of TLS: asked in a handshake of its own where a connection was cut without a reason. */
import type { ConnectionOptions } from "node:tls";
import { connect } from "node:tls";
import type { Redis } from "ioredis";
import type { Waiting } from "../until.ts";
import type { RedisClient } from "./client.ts";
import { tlsFailure } from "./tls.ts";
import { Unfit } from "./unfit.ts";

const tlsOnly = (): Unfit =>
  new Unfit("its port speaks TLS only", "Write rediss:// instead of redis://, or pass a client with the option tls.");

/** An alert is an answer in TLS, whatever it says. */
const isAlert = ({ code }: NodeJS.ErrnoException): boolean => /ALERT/.test(String(code));

/**
 * Resolves with why a client without TLS is cut by a server that speaks nothing else, or why a server refuses the client's TLS: over a
 * connection on which nothing is sent, its alert is not lost to the reset. A server that wants a certificate may send it only after the
 * handshake. Undefined for every other cause, after `timeoutMs`, and once the signal aborts.
 */
export const reasonByTls = (
  client: RedisClient,
  { signal, timeoutMs }: Waiting & { readonly timeoutMs: number },
): Promise<Error | undefined> => {
  const { host, port, path, tls, sentinels } = (client as Redis).options;
  if (client.isCluster || path || sentinels || signal.aborted) return Promise.resolve(undefined);
  // as the client asks; without TLS whom the certificate names is not the question
  const options: ConnectionOptions = { ...(tls ?? { rejectUnauthorized: false }), host: host!, port: port! };
  return new Promise((resolve) => {
    const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const socket = connect(options);
    const answer = (reason: Error | undefined) => {
      resolve(reason);
      socket.destroy();
    };
    end.addEventListener("abort", () => answer(undefined), { once: true });
    socket.once("secureConnect", () => tls === undefined && answer(tlsOnly()));
    socket.once("close", () => answer(undefined));
    socket.on("error", (error) => {
      if (tls !== undefined) answer(tlsFailure(error) && error);
      else answer(isAlert(error) ? tlsOnly() : undefined);
    });
  });
};
