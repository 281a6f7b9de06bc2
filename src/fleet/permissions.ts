/** What the user of the tiers may do in a Redis of the fleet's own: the commands in use, on keys and channels of Stargazer. */
import type { ServerUser } from "../redis/embedded/config.ts";
import { journalCommands, registryCommands } from "../registry/permissions.ts";

/** Beside what a service sends for its entry and its journal: readers, streams, leaderships, and the jobs and messages of the tiers. */
const furtherCommands = [
  "type pttl smembers zrange zrangebyscore xrevrange xread",
  "xgroup xinfo xlen xreadgroup xack xpending xautoclaim xrange xdel xtrim",
  "exists incrby zcount zrangebylex zmscore",
  "subscribe unsubscribe publish",
  "scard hmget hgetall zincrby zremrangebyscore zremrangebyrank zunionstore",
].flatMap((names) => names.split(" "));

/** No command of an administrator: no FLUSHALL, CONFIG, KEYS, SHUTDOWN, ACL or DEBUG. */
export const tiersUser: ServerUser = {
  name: "tiers",
  rules: ["~sg:*", "&sg:*", ...[...registryCommands, ...journalCommands, ...furtherCommands].map((name) => `+${name}`)],
};

/** For a fleet with modules of the user's own: every key and channel, and every command except an administrator's. */
export const sharedUser: ServerUser = {
  name: "services",
  rules: ["~*", "&*", "+@all", "-@admin", "-@dangerous", ...registryCommands.map((name) => `+${name}`), "+info", "+sort"],
};
