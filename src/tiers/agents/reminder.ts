/** A reminder: written in one step with the answer that promises it, and deleted in one step with the line that it becomes. */
import type { RedisClient } from "../../redis/client.ts";
import type { Writes } from "../../redis/commands.ts";
import { number, object, readJson, text } from "../../schema.ts";
import { tierKeys } from "../keys.ts";
import { remarkWrites } from "../messages/answer.ts";

export interface Reminder {
  readonly id: string;
  readonly platform: string;
  readonly channel: string;
  /** the id of the message that asked for it */
  readonly to: string;
  readonly text: string;
  /** ms since the epoch */
  readonly due: number;
}

/** the longest text, in characters, and the longest time until a reminder is due: 30 days, in s */
export const maxReminderText = 500;
export const maxReminderSeconds = 30 * 86_400;
/** reminders of one conversation, and of all */
const maxOfConversation = 20;
const maxOfAll = 10_000;
/** ms; longer than any reminder waits */
const keptMs = 2 * maxReminderSeconds * 1000;
const maxReminderBytes = 8192;

type Client = Pick<RedisClient, "isCluster">;
/** The conversation and the id of a reminder, as a member of the set of all. */
type Place = Pick<Reminder, "platform" | "channel" | "id">;

const memberOf = ({ platform, channel, id }: Place): string => JSON.stringify({ platform, channel, id });
const placeReader = object({ platform: text(32), channel: text(200), id: text(64) });
const reminderReader = object({ to: text(128), text: text(maxReminderText), due: number });

const readOr = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

/** Why no further reminder can be made; undefined if one can. */
export const reminderProblem = async (redis: RedisClient, { platform, channel }: Place): Promise<string | undefined> => {
  const keys = tierKeys(redis);
  const [own, all] = await Promise.all([redis.hlen(keys.remindersOf(platform, channel)), redis.zcard(keys.reminders)]);
  if (own >= maxOfConversation) return `this conversation has ${own} reminders already`;
  return all >= maxOfAll ? "there are too many reminders; try again later" : undefined;
};

/** The commands that write a new reminder. */
export const reminderWrites = (client: Client, reminder: Reminder): Writes => {
  const { platform, channel, id, to, text: words, due } = reminder;
  const { reminders, remindersOf } = tierKeys(client);
  const own = remindersOf(platform, channel);
  return {
    keys: [reminders, own],
    commands: [
      ["ZADD", reminders, due, memberOf(reminder)],
      ["HSET", own, id, JSON.stringify({ to, text: words, due })],
      ["PEXPIRE", own, keptMs],
    ],
  };
};

/** A member of the set of all, with the reminder that it stands for; undefined where there is none. */
export interface Due {
  readonly member: string;
  readonly reminder: Reminder | undefined;
}

/** The reminders that are due, the oldest first; at most `count`. */
export const dueReminders = async (redis: RedisClient, now: number, count: number): Promise<Due[]> => {
  const { reminders, remindersOf } = tierKeys(redis);
  const members = await redis.zrangebyscore(reminders, "-inf", now, "LIMIT", 0, count);
  return Promise.all(
    members.map(async (member) => {
      const place = readOr(() => readJson(member, { bytes: maxReminderBytes, read: placeReader }));
      if (place === undefined) return { member, reminder: undefined };
      const json = (await redis.hget(remindersOf(place.platform, place.channel), place.id)) ?? "";
      const known = readOr(() => readJson(json, { bytes: maxReminderBytes, read: reminderReader }));
      return { member, reminder: known && { ...place, ...known } };
    }),
  );
};

/** The commands for a reminder that is due: its line in the conversation, and its own deletion. One that cannot be read is only deleted. */
export const keptWrites = (client: Client, { member, reminder }: Due, at: number): Writes => {
  const { reminders, remindersOf } = tierKeys(client);
  const end: Writes = { keys: [reminders], commands: [["ZREM", reminders, member]] };
  if (reminder === undefined) return end;
  const { platform, channel, id, to, text: words } = reminder;
  const own = remindersOf(platform, channel);
  const line = remarkWrites(client, { id: `rm:${id}`, platform, channel, to }, { text: `Reminder: ${words}`, at });
  return {
    keys: [...line.keys, ...end.keys, own],
    commands: [...line.commands, ...end.commands, ["HDEL", own, id]],
  };
};
