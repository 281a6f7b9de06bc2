/** The token of a fleet: one secret that every server with HTTP compares, and how a request carries it. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { fromEnvironment } from "../environment.ts";

/** Where a process is given it. An environment is readable for the same user only, arguments are readable for all. */
export const tokenVariable = "SG_TOKEN";

/** A new one: 32 random bytes. */
export const createToken = (): string => randomBytes(32).toString("base64url");

/** What is wrong with a token, without a character of it; undefined for a good one. */
export const tokenProblem = (token: string): string | undefined =>
  /^[\w-]{32,256}$/.test(token) ? undefined : "must have 32 to 256 characters of A-Z, a-z, 0-9, - and _";

/** The token in the environment, where an option has none; not checked. */
export const tokenFromEnvironment = (): string | undefined => fromEnvironment(tokenVariable);

/** What a WebSocket of ours speaks. A browser sets no header on one, so the token is offered as a second protocol, which no server picks. */
export const socketProtocol = "stargazer";
const tokenProtocol = "stargazer.token.";

/** The protocols that a client offers. */
export const socketProtocols = (token: string | undefined): string[] =>
  token === undefined ? [socketProtocol] : [socketProtocol, `${tokenProtocol}${token}`];

const passwordIn = (credentials: string): string =>
  Buffer.from(credentials, "base64")
    .toString("utf8")
    .replace(/^[^:]*:/, "");

/**
 * The token that a request carries: `Authorization: Bearer`, the password of `Basic` (for a client that takes a URL and nothing
 * else), or a protocol of a WebSocket. Never a cookie, which a browser sends to every port of a host, nor a query, which is logged.
 */
export const tokenIn = (headers: IncomingHttpHeaders): string | undefined => {
  const [, scheme, credentials = ""] = /^(bearer|basic) +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  if (scheme !== undefined) return scheme.toLowerCase() === "bearer" ? credentials : passwordIn(credentials);
  const offered = headers["sec-websocket-protocol"]?.split(",").map((protocol) => protocol.trim());
  return offered?.find((protocol) => protocol.startsWith(tokenProtocol))?.slice(tokenProtocol.length);
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares in a time that does not depend on where the two differ. */
export const isToken = (token: string, given = ""): boolean => timingSafeEqual(digest(given), digest(token));
