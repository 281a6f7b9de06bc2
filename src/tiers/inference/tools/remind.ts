/** The tool `remind_me`: the reminder is written in one step with the answer that promises it. Another process keeps it, so Redis tells the time. */
import { randomUUID } from "node:crypto";
import { timeOf } from "../../../redis/time.ts";
import { until } from "../../../until.ts";
import { maxReminderSeconds, maxReminderText, reminderProblem, reminderWrites } from "../../agents/reminder.ts";
import { tool } from "./tool.ts";

export const remindTool = tool({
  name: "remind_me",
  about: "Reminds the user of something in this conversation, after a time.",
  fields: {
    seconds: { type: "integer", minimum: 1, maximum: maxReminderSeconds, about: "in how many seconds" },
    text: { type: "string", maxLength: maxReminderText, about: "what to be reminded of, as it will be shown" },
  },
  run: async ({ seconds, text }, { redis, message, signal }) => {
    const { platform, channel, id: to } = message;
    const now = await until(timeOf(redis), { signal, what: "the time of Redis" });
    const reminder = { id: randomUUID(), platform, channel, to, text: text.trim() || "…", due: now + seconds * 1000 };
    const problem = await until(reminderProblem(redis, reminder), { signal, what: "the number of reminders" });
    if (problem !== undefined) return { text: `error: ${problem}` };
    const due = new Date(reminder.due).toISOString();
    return { text: `the reminder is set for ${due}, in ${seconds} s`, writes: reminderWrites(redis, reminder) };
  },
});
