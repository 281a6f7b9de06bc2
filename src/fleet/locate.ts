/** Where the fleet is: `--redis`, `REDIS_URL`, a fleet that `up` runs on this machine, 127.0.0.1:6379; the first that is there. */
import { fromEnvironment } from "../environment.ts";
import { StargazerError } from "../errors.ts";
import { redactUrl, redisUrlProblem } from "../redis/url.ts";
import { findFleet } from "./files.ts";

export interface Place {
  readonly url: string;
  /** the URL without its password */
  readonly label: string;
  readonly from: "--redis" | "REDIS_URL" | "up" | "default";
}

const place = (url: string, from: Place["from"]): Place => ({ url, from, label: redactUrl(url) });

/** What was named by option or environment, if anything was. Throws `SG_ERR_USAGE` or `SG_ERR_CONFIG_INVALID` for one that is no URL. */
export const namedRedis = (option: string | undefined): Place | undefined => {
  const variable = fromEnvironment("REDIS_URL");
  const url = option ?? variable;
  if (url === undefined) return undefined;
  const from = option === undefined ? "REDIS_URL" : "--redis";
  const problem = redisUrlProblem(url);
  if (problem === undefined) return place(url, from);
  throw new StargazerError(from === "--redis" ? "SG_ERR_USAGE" : "SG_ERR_CONFIG_INVALID", `${from} ${problem}`);
};

export const locate = (option: string | undefined): Place => {
  const named = namedRedis(option);
  if (named !== undefined) return named;
  const note = findFleet();
  return note === undefined ? place("redis://127.0.0.1:6379", "default") : place(note.redisUrl, "up");
};
