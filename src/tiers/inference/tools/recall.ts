/** The tool `recall`: searches the lines of the conversation, and what is known from earlier. */
import { until } from "../../../until.ts";
import { messageKeys } from "../../messages/keys.ts";
import type { LogLine } from "../../messages/lines.ts";
import { linesBefore } from "../../messages/lines.ts";
import { fitted } from "../fitted.ts";
import { factsOf } from "../notes.ts";
import type { ToolContext } from "./tool.ts";
import { tool } from "./tool.ts";

const pageLines = 50;
/** what is searched: lines, and bytes of their texts */
const maxLines = 500;
const maxBytes = 2 * 1_048_576;
/** what is found: lines, and bytes of each */
const maxFound = 5;
const maxFoundBytes = 500;

const shown = ({ at, role, author, text }: LogLine): string =>
  `${new Date(at).toISOString()} ${role === "user" ? author : "you"}: ${fitted(text, maxFoundBytes)}`;

/** The newest lines that fit, the message itself left out. */
const search = async ({ redis, message, signal }: ToolContext, fits: (text: string) => boolean): Promise<LogLine[]> => {
  const log = messageKeys(redis).log(message.platform, message.channel);
  const found: LogLine[] = [];
  let cursor: string | undefined;
  for (let lines = 0, bytes = 0; lines < maxLines && bytes < maxBytes; lines += pageLines) {
    const page = await until(linesBefore(redis, log, cursor, pageLines), { signal, what: "the log of the conversation" });
    found.push(...page.lines.filter(({ id, role, text }) => id !== message.id && role !== "notice" && fits(text)));
    if (!page.isFull || found.length >= maxFound) break;
    bytes += page.lines.reduce((sum, { text }) => sum + text.length, 0);
    cursor = page.cursor;
  }
  return found.slice(0, maxFound);
};

export const recallTool = tool({
  name: "recall",
  about:
    "Searches the earlier lines of this conversation, also those that are no longer before you, and what is known of the user.",
  fields: { words: { type: "string", maxLength: 200, about: "words that all have to be in the line" } },
  run: async ({ words }, context) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text: string) => wanted.every((word) => text.toLowerCase().includes(word));
    const [lines, facts] = await Promise.all([
      search(context, fits),
      until(factsOf(context.redis, context.message), { signal: context.signal, what: "the known facts" }),
    ]);
    const found = [...facts.filter(fits).map((fact) => `known: ${fact}`), ...lines.map(shown)];
    return { text: found.length === 0 ? "nothing was found" : found.join("\n") };
  },
});
