/** The prefix of the keys of Stargazer. Each room that writes to Redis has the names of its own keys in a file `keys.ts`. */
import type { RedisClient } from "./client.ts";

/** On a Cluster all keys carry one hash tag, because each script touches several of them. */
export const clusterTag = "{sg}:";

/** The keys that `make` puts behind a prefix, for a given client. Both sets are made once. */
export const keysBehind = <Keys>(make: (prefix: string) => Keys): ((client: Pick<RedisClient, "isCluster">) => Keys) => {
  const [plain, tagged] = [make(""), make(clusterTag)];
  return ({ isCluster }) => (isCluster ? tagged : plain);
};
