/**
 * Which requests are answered, and which may command. A page of another site can make a browser send requests to this machine; it
 * must neither read an answer nor have a command executed.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { isLoopback, nameOfAuthority } from "../loopback.ts";

/** `same`: only the pages of the server itself. `any`: the pages of each origin, whose answers the browser keeps from them. */
export type Origins = "same" | "any";

export interface Guarded {
  /** where the server listens */
  readonly host: string;
  readonly origins: Origins;
}

interface Names {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/** Why a request is refused, or undefined. A server on loopback is asked by loopback names only: DNS may point any name here. */
export const refusalOf = ({ host, origin }: Names, server: Guarded): string | undefined => {
  if (isLoopback(server.host) && !isLoopback(nameOfAuthority(host))) return "this server answers to its loopback name only";
  const isForeign = server.origins === "same" && origin !== undefined && origin !== `http://${host}`;
  return isForeign ? "a page of another origin may not send requests to this server" : undefined;
};

/** Answers 421 to what is refused, before any route. */
export const addGuard = (app: FastifyInstance, server: Guarded): void => {
  app.addHook("onRequest", async (request, reply) => {
    const error = refusalOf(request.headers, server);
    if (error === undefined) return;
    // a refused upgrade has no HTTP parser left that would end its connection
    reply.raw.once("finish", () => request.raw.socket.destroySoon());
    return reply.code(421).send({ error });
  });
};

/** A new secret for each start. The printed link has it in its fragment, which no browser sends. */
export const createToken = (): string => randomBytes(16).toString("base64url");

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares in a time that does not depend on where the two differ. */
export const isToken = (token: string, given = ""): boolean => timingSafeEqual(digest(given), digest(token));
