/** The streams that ours and the loop by hand read and write. */
import { Redis } from "ioredis";

export const inbound = "bench:inbound";
export const answers = "bench:answers";

export const connected = async (client) => {
  client.on("error", () => {});
  await client.connect();
  return client;
};

export const startWriter = async ({ port }) => {
  const redis = await connected(new Redis({ host: "127.0.0.1", port, lazyConnect: true }));
  return ({ id, channel, text, at }) => redis.xadd(inbound, "*", "id", id, "channel", channel, "text", text, "at", at);
};
