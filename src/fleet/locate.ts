/** Where the fleet is: `--redis`, `--fleet`, `REDIS_URL`, a fleet that `up` runs on this machine, 127.0.0.1:6379; the first that is there. */
import type { RedisPlace } from "../../machines/index.ts";
import { fromEnvironment } from "../environment.ts";
import { StargazerError } from "../errors.ts";
import { tokenFromEnvironment, tokenProblem, tokenVariable } from "../http/token.ts";
import { redactUrl, redisUrlProblem } from "../redis/url.ts";
import { fleetAround, fleetNamed } from "./choose.ts";
import { livingFleets } from "./runs.ts";

const defaultUrl = "redis://127.0.0.1:6379";
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

/** How a command names its fleet. */
export interface Naming {
  /** a URL */
  readonly redis: string | undefined;
  /** the pid of an `up`, or the name of the folder where it was started */
  readonly fleet: string | undefined;
}

/** A place, and a sentence about it where it was not named and another one could be meant. */
export interface Located {
  readonly place: RedisPlace;
  readonly notice: string | undefined;
}

/**
 * The Redis of the fleet that a command is about. Rejects as `namedRedis` throws, with `SG_ERR_USAGE` where several fleets may be
 * meant, and with `SG_ERR_CONFIG_INVALID` where the folder that names the fleets cannot be trusted.
 */
export const locate = async ({ redis, fleet }: Naming): Promise<Located> => {
  if (fleet !== undefined) return { place: place(fleetNamed(await livingFleets(), fleet).redisUrl, "up"), notice: undefined };
  const named = namedRedis(redis);
  if (named !== undefined) return { place: named, notice: undefined };
  const chosen = fleetAround(await livingFleets(), process.cwd());
  if (chosen !== undefined) return { place: place(chosen.note.redisUrl, "up"), notice: chosen.notice };
  return { place: place(defaultUrl, "default"), notice: `no fleet of this user runs here: this is ${defaultUrl}` };
};

/**
 * The token of the fleet that is there: `SG_TOKEN`, else that of a fleet that `up` runs here on the same Redis, else none. Rejects
 * with `SG_ERR_CONFIG_INVALID` for a text that is no token.
 */
export const tokenOf = async ({ url }: RedisPlace): Promise<string | undefined> => {
  const given = tokenFromEnvironment();
  const problem = given === undefined ? undefined : tokenProblem(given);
  if (problem !== undefined) throw new StargazerError("SG_ERR_CONFIG_INVALID", `${tokenVariable} ${problem}`);
  if (given !== undefined) return given;
  // without notes that can be trusted there is no token, and a gateway that needs one says so
  const fleets = await livingFleets().catch(() => []);
  return fleets.find(({ redisUrl }) => redisUrl === url)?.token;
};
