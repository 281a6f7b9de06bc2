/** Where the fleet is: `--redis`, `REDIS_URL`, a fleet that `up` runs on this machine, 127.0.0.1:6379; the first that is there. */
import type { RedisPlace } from "../../machines/index.ts";
import { fromEnvironment } from "../environment.ts";
import { StargazerError } from "../errors.ts";
import { redactUrl, redisUrlProblem } from "../redis/url.ts";
import { findFleet } from "./files.ts";

const place = (url: string, from: RedisPlace["from"]): RedisPlace => ({ url, from, label: redactUrl(url) });

/** The Redis that the option or REDIS_URL names, if one does. Throws `SG_ERR_USAGE` or `SG_ERR_CONFIG_INVALID` for a text that is no URL. */
export const namedRedis = (option: string | undefined): RedisPlace | undefined => {
  const variable = fromEnvironment("REDIS_URL");
  const url = option ?? variable;
  if (url === undefined) return undefined;
  const from = option === undefined ? "REDIS_URL" : "--redis";
  const problem = redisUrlProblem(url);
  if (problem === undefined) return place(url, from);
  throw new StargazerError(from === "--redis" ? "SG_ERR_USAGE" : "SG_ERR_CONFIG_INVALID", `${from} ${problem}`);
};

/** The Redis of the fleet that a command is about. Throws as `namedRedis` does. */
export const locate = (option: string | undefined): RedisPlace => {
  const named = namedRedis(option);
  if (named !== undefined) return named;
  const note = findFleet();
  return note === undefined ? place("redis://127.0.0.1:6379", "default") : place(note.redisUrl, "up");
};
