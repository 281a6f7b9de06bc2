/** The tool `time`: the present time, in a time zone. */
import { Misfit } from "../../../schema.ts";
import { tool } from "./tool.ts";

const inZone = (now: number, timeZone: string): string => {
  try {
    return new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long", timeZone }).format(now);
  } catch {
    throw new Misfit("zone must be a time zone such as Europe/Berlin");
  }
};

export const timeTool = tool({
  name: "time",
  about: "The present date and time.",
  fields: {
    zone: { type: "string", maxLength: 64, about: "IANA time zone, such as Europe/Berlin; default UTC", isOptional: true },
  },
  run: ({ zone = "UTC" }, { now }) => ({ text: inZone(now, zone) }),
});
