/** When leases end, as the indexes of the registry have it. */
import type { RedisClient } from "../redis/client.ts";
import { nameOf } from "../registry/fleet-view.ts";
import { registryKeys } from "../registry/keys.ts";
import { uncountedMs } from "../registry/scripts.ts";
import { until } from "../until.ts";

/** instances of a service that are read at most */
const limit = 10_000;

export interface EndsWanted {
  readonly services: readonly string[];
  /** ms since the epoch by the clock of Redis: leases that end between the two; `-inf` for those too that wait to be counted */
  readonly from: number | "-inf";
  readonly to: number | "+inf";
  readonly signal: AbortSignal;
}

const endOf = (score: number): number => (score < 0 ? score + uncountedMs : score);

/** The ends by `service:instance`. An index that is another program's value has none. */
export const readLeaseEnds = async (redis: RedisClient, wanted: EndsWanted): Promise<Map<string, number>> => {
  const { services, from, to, signal } = wanted;
  const keys = registryKeys(redis);
  const read = async (service: string): Promise<[string, number][]> => {
    const index = redis.zrangebyscore(
      keys.index(service),
      from === "-inf" ? from : Math.floor(from),
      to === "+inf" ? to : Math.ceil(to),
      "WITHSCORES",
      "LIMIT",
      0,
      limit,
    );
    const found = await index.catch(() => [] as string[]);
    return found.flatMap((instance, at) =>
      at % 2 === 0 ? [[nameOf({ service, instance }), endOf(Number(found[at + 1]))] as [string, number]] : [],
    );
  };
  return new Map((await until(Promise.all(services.map(read)), { signal, what: "the ends of leases" })).flat());
};
