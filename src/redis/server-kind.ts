/** Which server answers: its version and its mode, from INFO. */
import type { Redis } from "ioredis";
import type { RedisClient } from "./client.ts";
import { Unfit } from "./unfit.ts";

const oldest = [6, 2] as const;

/**
 * Rejects with `Unfit` for a server that is too old, a Sentinel, or a node of a Cluster behind a client for one Redis. Passes where the
 * user may not run INFO. A Cluster's client has found Cluster nodes already, so only the version is asked.
 */
export const checkServer = async (client: RedisClient): Promise<void> => {
  const info = await (client as Redis).info("server").catch(() => "");
  const mode = /^(?:redis|server)_mode:(\w+)/m.exec(info)?.[1];
  const version = /^redis_version:((\d+)\.(\d+)\S*)/m.exec(info);
  if (mode === "sentinel")
    throw new Unfit(
      "a Sentinel, not a Redis",
      "Pass as the option redis a client that asks it: new Redis({ sentinels: [{ host, port }], name }).",
    );
  if (mode === "cluster" && !client.isCluster)
    throw new Unfit(
      "a node of a Redis Cluster",
      "Pass a Cluster client of ioredis as the option redis, since a URL names one Redis.",
    );
  if (version === null) return;
  const [, text, major, minor] = version;
  if (Number(major) < oldest[0] || (Number(major) === oldest[0] && Number(minor) < oldest[1]))
    throw new Unfit(`Redis ${text}, and ${oldest.join(".")} is the oldest that works`, "Use Redis 6.2 or later, or Valkey.");
};
