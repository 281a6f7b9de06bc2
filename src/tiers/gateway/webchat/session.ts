/**
 * A session continues a conversation. It is the name of the conversation and a signature, so a client cannot choose the conversation
 * of another one. The secret is in Redis, the same for all gateways, and is read for each connection: deleting it ends every session.
 */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { RedisClient } from "../../../redis/client.ts";
import { messageKeys } from "../../messages/keys.ts";

export interface Session {
  readonly channel: string;
  /** what the client keeps and sends with its next connection */
  readonly session: string;
}

const form = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{43})$/;

const signatureOf = (channel: string, secret: string): string =>
  createHmac("sha256", secret).update(`stargazer webchat 1 ${channel}`).digest("base64url");

const signed = (channel: string, secret: string): Session => ({ channel, session: `${channel}.${signatureOf(channel, secret)}` });

const isSigned = (channel: string, signature: string, secret: string): boolean =>
  timingSafeEqual(Buffer.from(signature), Buffer.from(signatureOf(channel, secret)));

/** The secret of the fleet; the first gateway that needs it makes it. */
const secretOf = async (redis: RedisClient): Promise<string> => {
  const { sessionSecret } = messageKeys(redis);
  const known = await redis.get(sessionSecret);
  if (known !== null) return known;
  await redis.set(sessionSecret, randomBytes(32).toString("base64url"), "NX");
  return (await redis.get(sessionSecret)) ?? Promise.reject(new Error("the secret of the sessions was deleted as it was read"));
};

/** The session that a client gave, or a new one where it gave none or one that is not signed with the fleet's secret. */
export const openSession = async (redis: RedisClient, given: string | undefined): Promise<Session & { isNew: boolean }> => {
  const secret = await secretOf(redis);
  const [, channel, signature] = form.exec(given ?? "") ?? [];
  if (channel !== undefined && isSigned(channel, signature!, secret)) return { ...signed(channel, secret), isNew: false };
  return { ...signed(randomUUID(), secret), isNew: true };
};
