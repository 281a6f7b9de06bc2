/** The counts of stops in Redis, by service, version and outcome. */
import type { RedisClient } from "../redis/client.ts";
import { runScript } from "../redis/script.ts";
import { registryKeys } from "../registry/keys.ts";
import { nameProblem } from "../registry/names.ts";
import { isOutcome } from "./outcomes.ts";
import { endsScript } from "./scripts.ts";

/** The stops of one release of a service. `outcome`: `completed`, `shutdown`, `failed` or `expired`. */
export interface Ends {
  readonly service: string;
  readonly version: string;
  readonly outcome: string;
  readonly count: number;
}

/** Undefined for a field or a count that no instance writes. */
const endsOf = (field: string, count: number): Ends | undefined => {
  if (!Number.isSafeInteger(count) || count < 0) return undefined;
  try {
    const [service, version, outcome] = JSON.parse(field) as [unknown, unknown, unknown];
    if (nameProblem("service", service) !== undefined || typeof version !== "string" || !isOutcome(outcome)) return undefined;
    return { service: service as string, version, outcome, count };
  } catch {
    return undefined;
  }
};

/**
 * The counts of all stops. A stop is counted once, with the last message of the boot; a boot that died before it counts as `expired`: with
 * its lease, or some seconds after its budget for stopping. In one round trip. Rejects with the error of Redis.
 */
export const readEnds = async (redis: RedisClient): Promise<Ends[]> => {
  const { ends, ending } = registryKeys(redis);
  const reply = (await runScript(redis, endsScript, { keys: [ends, ending], args: [] })) as string[];
  const read: Ends[] = [];
  for (let at = 0; at + 1 < reply.length; at += 2) {
    const one = endsOf(reply[at]!, Number(reply[at + 1]));
    if (one !== undefined) read.push(one);
  }
  return read;
};
