/** The job that keeps reminders: each is written to its conversation once, when it is due. */
import type { RedisClient } from "../../redis/client.ts";
import type { Job } from "../recurring.ts";
import { dueReminders, keptWrites } from "./reminder.ts";

/** the most reminders of one pass; the next pass has the rest */
const perPass = 100;

/**
 * Writes what is due. The line in the conversation and the end of the reminder are one commit: a leader that is killed before it has
 * written nothing, and after it nothing is left to be written.
 */
export const keepReminders = async ({ ask, now, commit }: Job, client: Pick<RedisClient, "isCluster">): Promise<void> => {
  for (const due of await ask((redis) => dueReminders(redis, now, perPass))) {
    const { keys, commands } = keptWrites(client, due, now);
    await commit(keys, commands, { isPart: true });
  }
};
