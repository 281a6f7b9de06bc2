/** Reads the response of a model, a text and tool calls, from one JSON or a stream of server-sent events. */
import type { ReadBy } from "../../schema.ts";
import { list, nullable, number, object, optional, readJson, text } from "../../schema.ts";

/** A tool that the model calls, with its arguments as it wrote them. */
export interface Call {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface Completion {
  readonly text: string;
  readonly calls: readonly Call[];
}

/** bytes of one response; larger than any answer, of which `maxTextBytes` are kept */
export const maxAnswerBytes = 1_048_576;
const maxCalls = 4;
const maxArguments = 8192;

/** The stream ended before the model had: nothing of it is an answer. */
export class Cut extends Error {
  override readonly name = "Cut";
}

const notJson = "the model's endpoint answered with something else than JSON";

const maybe = <T>(read: (value: unknown, where: string) => T) => optional(nullable(read));
const callPart = object({
  index: optional(number),
  id: maybe(text(200)),
  function: optional(object({ name: maybe(text(200)), arguments: maybe(text(maxArguments)) })),
});
const messagePart = object({ content: maybe(text(maxAnswerBytes)), tool_calls: maybe(list(callPart, maxCalls)) });
const answerReader = object({ choices: list(object({ message: messagePart }), 16) });
const eventReader = object({
  choices: list(object({ delta: optional(messagePart), finish_reason: maybe(text(64)) }), 16),
});

/** The error repeats nothing of what was received. */
const read = <T>(json: string, reader: (value: unknown, where: string) => T): T => {
  try {
    return readJson(json, { bytes: maxAnswerBytes, read: reader });
  } catch (error) {
    const { message } = error as Error;
    throw new Error(message === "it is not JSON" ? notJson : "the model's endpoint answered in an unknown form");
  }
};

/** Adds up the parts of an answer. */
class Sum {
  text = "";
  readonly #calls: { id: string; name: string; arguments: string }[] = [];

  add({ content, tool_calls }: ReadBy<typeof messagePart>): void {
    this.text += content ?? "";
    for (const [at, part] of (tool_calls ?? []).entries()) this.#addCall(part, part.index ?? at);
  }

  #addCall({ id, function: named }: ReadBy<typeof callPart>, index: number): void {
    if (!(index >= 0 && index < maxCalls)) throw new Error(`the model calls more than ${maxCalls} tools at once`);
    while (this.#calls.length <= index) this.#calls.push({ id: "", name: "", arguments: "" });
    const call = this.#calls[index]!;
    // some endpoints repeat both in each part
    call.id ||= id ?? "";
    call.name ||= named?.name ?? "";
    call.arguments += named?.arguments ?? "";
    if (call.arguments.length > maxArguments) throw new Error("the arguments of a tool are too long");
  }

  get whole(): Completion {
    const calls = this.#calls.filter(({ name }) => name !== "");
    return { text: this.text, calls: calls.map((call, at) => ({ ...call, id: call.id || `call-${at}` })) };
  }
}

/** An answer that came as one JSON. Throws where it is none. */
export const completionIn = (json: string): Completion => {
  const sum = new Sum();
  const [first] = read(json, answerReader).choices;
  if (first !== undefined) sum.add(first.message);
  return sum.whole;
};

/** An answer that comes in parts; `draft` is called with the text so far. Rejects with `Cut` where it ends too early. */
export const completionOf = async (events: AsyncIterable<string>, draft: (text: string) => void): Promise<Completion> => {
  const sum = new Sum();
  let isFinished = false;
  for await (const event of events) {
    if (event.trim() === "[DONE]") return sum.whole;
    const [choice] = read(event, eventReader).choices;
    const before = sum.text;
    if (choice?.delta !== undefined) sum.add(choice.delta);
    if (sum.text !== before) draft(sum.text);
    isFinished ||= typeof choice?.finish_reason === "string";
  }
  if (isFinished) return sum.whole;
  throw new Cut("the model's answer broke off before its end");
};
