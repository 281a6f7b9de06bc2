/** The responder without a model. It names what is missing, once in a conversation, and calls the tools by a few words, so that they can be tried. */
import type { Conversation, Responder } from "./responder.ts";

const offline = "No model is connected (set OPENAI_BASE_URL), so this is Stargazer's offline responder.";
/** characters of the message that are repeated */
const maxRepeated = 500;

const secondsIn: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Words that call a tool: what they look like, and the call. */
interface Phrase {
  readonly pattern: RegExp;
  readonly name: string;
  arguments(found: RegExpExecArray): Record<string, unknown>;
}

const phrases: readonly Phrase[] = [
  {
    pattern: /^remind me in (\d{1,7}) ?(s|m|h|d)[a-z]* (?:to |of |that )?(.{1,500})$/is,
    name: "remind_me",
    arguments: ([, count, unit, text]) => ({ seconds: Number(count) * secondsIn[unit!.toLowerCase()]!, text }),
  },
  { pattern: /^what(?: time|'s the time| is the time)\b|^what day\b/i, name: "time", arguments: () => ({}) },
  {
    pattern: /^(?:recall|what did (?:i|we|you) say about) (.{1,200}?)\??$/is,
    name: "recall",
    arguments: ([, words]) => ({ words }),
  },
  { pattern: /^(?:fleet|status)\b|^how is the fleet\b/i, name: "fleet_status", arguments: () => ({}) },
];

const resultOf = async (text: string, { tools, signal }: Conversation): Promise<string> => {
  for (const { pattern, name, arguments: argumentsOf } of phrases) {
    const found = pattern.exec(text.trim());
    if (found !== null) return tools.call({ name, arguments: JSON.stringify(argumentsOf(found)) }, { signal });
  }
  return `You said: ${[...text].slice(0, maxRepeated).join("")}`;
};

/** Whether the conversation has read of it: among its last turns, once is enough. */
const isNamed = async ({ recollect }: Conversation): Promise<boolean> =>
  (await recollect()).turns.some(({ role, content }) => role === "assistant" && content.startsWith(offline));

export const offlineResponder: Responder = {
  name: "offline responder",
  respond: async (text, conversation) => {
    const result = await resultOf(text, conversation);
    return (await isNamed(conversation)) ? result : `${offline} ${result}`;
  },
};
