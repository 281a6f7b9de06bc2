/** The fleet that a command is about, as the command line names it. */
import type { RedisPlace } from "../../machines/index.ts";
import { locate } from "../fleet/locate.ts";
import type { Arguments, Command } from "./command.ts";
import { redisOption, usageError } from "./command.ts";
import { printError } from "./print.ts";

/** Options of every command that reads from a fleet. */
export const placeOptions = { ...redisOption, fleet: { type: "string" } } as const;
export const placeSynopsis = "[--fleet NAME|PID] [--redis URL]";
export const placeDetails = [
  [
    "--fleet NAME",
    "a fleet that `up` runs here, by its pid or by the name of the folder where it was started; needed where several run",
  ],
  ["--redis URL", "the Redis of the fleet; else REDIS_URL, else that of the fleet that `up` runs here, else 127.0.0.1:6379"],
] as const;

/** Rejects with `SG_ERR_USAGE` where several places are named or meant. A choice that was not named is written to standard error. */
export const findPlace = async ({ text }: Arguments, command: Command): Promise<RedisPlace> => {
  const naming = { redis: text("redis"), fleet: text("fleet") };
  if (naming.redis !== undefined && naming.fleet !== undefined)
    throw usageError(["--fleet and --redis name two places: write one of them"], command.name);
  const { place, notice } = await locate(naming);
  if (notice !== undefined) printError(`stargazer: ${notice}`);
  return place;
};
