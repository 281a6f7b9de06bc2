/** Commands whose keys reach Redis as they are: a client of the caller's may put a prefix before each key, and the keys of Stargazer have none. */
import type { RedisClient } from "./client.ts";
import type { Argument } from "./commands.ts";

/** A pipeline takes the prefix from options of its own, which its types do not declare. */
const unprefixed = (client: RedisClient): ReturnType<RedisClient["pipeline"]> =>
  Object.assign(client.pipeline(), { options: { ...client.options, keyPrefix: "" } });

/** Written as it is called, also by a client that collects commands. Rejects with the error of Redis. */
export const callUnprefixed = async (client: RedisClient, command: string, ...args: readonly Argument[]): Promise<unknown> => {
  const sent = unprefixed(client).call(command, ...(args as Argument[]));
  const [[error, reply] = []] = (await sent.exec()) ?? [];
  if (error != null) throw error;
  return reply;
};
