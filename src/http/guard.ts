/** What a server answers and what it refuses, before any route: by host name, by origin, by token. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isAllowedOrigin } from "../loopback.ts";
import type { Refusal, Served } from "./rule.cjs";
import { nameOfAuthority, refusalOf } from "./rule.cjs";
import { isToken, tokenIn } from "./token.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether the route is answered without the token: a file of a page, which has nothing of a fleet in it. Never a WebSocket. */
    readonly isOpen?: boolean;
  }
}

/**
 * Which pages may send requests, beside those of the same site. `same`: only the server's own. A list: those of this machine, those
 * of the name that the request was sent to, on any port, and those of the origins in it.
 */
export type Origins = "same" | readonly string[];

export interface Guarded extends Served {
  readonly origins: Origins;
  /** the secret that every request but those to an open route has to carry; without one no request needs any */
  readonly token?: string | undefined;
}

type Request = Pick<FastifyRequest, "method" | "url" | "headers"> & { readonly routeOptions?: FastifyRequest["routeOptions"] };

const foreign: Refusal = {
  status: 403,
  error: "a page of another origin may not send requests to this server; a gateway answers those in SG_WEB_ORIGINS",
};
const unknown: Refusal = {
  status: 401,
  error: "the token is missing or wrong: open the page by the printed link, or send the token as Authorization: Bearer",
};

/** Browsers send both in the same form. */
const isOfName = (origin: string, host = ""): boolean =>
  URL.canParse(origin) && new URL(origin).hostname !== "" && new URL(origin).hostname === nameOfAuthority(host);

const isOwnOrigin = (origins: Origins, origin: string, host: string | undefined): boolean =>
  origins === "same" ? origin === `http://${host}` : isOfName(origin, host) || isAllowedOrigin(origin, origins);

const needsToken = ({ headers, routeOptions }: Request): boolean =>
  headers.upgrade !== undefined || routeOptions?.config?.isOpen !== true;

/** Why a request is refused, or undefined. */
export const refusalBy = ({ origins, token, ...served }: Guarded, request: Request): Refusal | undefined => {
  const { origin, host } = request.headers;
  const refusal = refusalOf(request, served, (other) => origins !== "same" && isAllowedOrigin(other, origins));
  if (refusal !== undefined) return refusal;
  if (origin !== undefined && !isOwnOrigin(origins, origin, host)) return foreign;
  if (token === undefined || !needsToken(request) || isToken(token, tokenIn(request.headers))) return undefined;
  return unknown;
};

/** Answers a request that is refused; the connection of an upgrade has no HTTP parser left that would end it. */
export const answerRefusal = (
  request: FastifyRequest,
  reply: FastifyReply,
  { status, error }: { readonly status: number; readonly error: string },
): FastifyReply => {
  reply.raw.once("finish", () => request.raw.socket.destroySoon());
  // no browser asks its reader for a Bearer token
  if (status === 401) reply.header("www-authenticate", "Bearer");
  return reply.code(status).send({ error });
};

/** Answers what is refused, before any route. */
export const addGuard = (app: FastifyInstance, server: Guarded): void => {
  app.addHook("onRequest", async (request, reply) => {
    const refusal = refusalBy(server, request);
    return refusal === undefined ? undefined : answerRefusal(request, reply, refusal);
  });
};
