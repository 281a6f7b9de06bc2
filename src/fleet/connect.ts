/** One short conversation with the fleet's Redis. */
import type { Redis } from "ioredis";
import type { RedisPlace } from "../../machines/index.ts";
import { nameOf } from "../../machines/thrown.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { closeRedis, openRedis } from "../redis/connection.ts";
import { pingGate } from "../redis/ping.ts";
import { adviceFor, reasonOf, withoutCommand } from "../redis/reason.ts";

/** ms for connecting, and for closing */
const connectTimeoutMs = 3000;
const closeTimeoutMs = 1000;

const advice: Record<RedisPlace["from"], string> = {
  "--redis": "Is it running?",
  REDIS_URL: "Is it running? The address comes from REDIS_URL.",
  up: "The fleet that `up` started here may be stopping.",
  default: "Start a fleet with `stargazer up`, or name its Redis with --redis or REDIS_URL.",
};

/** A server without TLS reads the handshake as the start of a command and sends no reply. */
const tlsAdvice = "Is it running, and does its port speak TLS?";

const adviceIn = (error: unknown): string | undefined => (error instanceof StargazerError ? error.advice : undefined);

/** What the server said to a command of `work`. */
const refusal = ({ label }: RedisPlace, error: unknown): StargazerError => {
  const cause = withoutCommand(error);
  const reason = reasonOf(cause);
  return new StargazerError("SG_ERR_REDIS_UNREACHABLE", `Redis at ${label} refused: ${reason}. ${adviceFor(reason, cause)}`, {
    cause,
  });
};

/**
 * Calls `work` with a connection that has answered; closes it afterwards. Throws `SG_ERR_REDIS_UNREACHABLE`, never with a password, also where
 * the server refuses a command of `work`.
 */
export const withRedis = async <T>(
  place: RedisPlace,
  work: (redis: Redis) => Promise<T>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<T> => {
  const redis = openRedis(place.url);
  const deadline = AbortSignal.timeout(connectTimeoutMs);
  try {
    const attempt = { signal: signal ? AbortSignal.any([signal, deadline]) : deadline, timeoutMs: connectTimeoutMs };
    await pingGate(redis, { owned: true, ...attempt }).catch((cause: unknown) => {
      const message = `Redis at ${place.label} cannot be used: ${messageOf(cause)}. ${adviceIn(cause) ?? (place.label.startsWith("rediss:") ? tlsAdvice : advice[place.from])}`;
      throw new StargazerError("SG_ERR_REDIS_UNREACHABLE", message, { cause });
    });
    return await work(redis).catch((error: unknown) => {
      throw nameOf(error) === "ReplyError" ? refusal(place, error) : error;
    });
  } finally {
    await closeRedis(redis, { signal: AbortSignal.timeout(closeTimeoutMs) });
  }
};
