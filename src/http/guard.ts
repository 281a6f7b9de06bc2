/** The rule on an app, and the secret that allows commands. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isAllowedOrigin } from "../loopback.ts";
import type { Refusal, Served } from "./rule.cjs";
import { refusalOf } from "./rule.cjs";

/**
 * Which pages may send requests, beside those of the same site. `same`: only the server's own. A list: those of this machine and of
 * the origins in it.
 */
export type Origins = "same" | readonly string[];

const foreign: Refusal = { status: 403, error: "a page of another origin may not send requests to this server" };

export interface Guarded extends Served {
  readonly origins: Origins;
}

/** Why a request is refused, or undefined. */
export const refusalBy = (
  { origins, ...served }: Guarded,
  request: Pick<FastifyRequest, "method" | "url" | "headers">,
): Refusal | undefined => {
  const { origin, host } = request.headers;
  const refusal = refusalOf(request, served, (other) => origins !== "same" && isAllowedOrigin(other, origins));
  const isOwn = origins !== "same" || origin === undefined || origin === `http://${host}`;
  return refusal ?? (isOwn ? undefined : foreign);
};

/** Answers what is refused, before any route. */
export const addGuard = (app: FastifyInstance, server: Guarded): void => {
  app.addHook("onRequest", async (request, reply) => {
    const refusal = refusalBy(server, request);
    if (refusal === undefined) return;
    // a refused upgrade has no HTTP parser left that would end its connection
    reply.raw.once("finish", () => request.raw.socket.destroySoon());
    return reply.code(refusal.status).send({ error: refusal.error });
  });
};

/** A new secret for each start. The printed link has it in its fragment, which no browser sends. */
export const createToken = (): string => randomBytes(16).toString("base64url");

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares in a time that does not depend on where the two differ. */
export const isToken = (token: string, given = ""): boolean => timingSafeEqual(digest(given), digest(token));
