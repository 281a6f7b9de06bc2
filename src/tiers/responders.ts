/** Who answers: a model behind an OpenAI-compatible endpoint, or, without one, a responder that says so. */
import { fromEnvironment } from "../environment.ts";
import { maxTextBytes } from "../streams/envelope.ts";
import { readNumber, readUrl } from "./settings.ts";

export interface Responder {
  readonly name: string;
  /** Rejects when there is no answer: the message is tried again, three times in all. */
  respond(text: string, options: { readonly signal: AbortSignal }): Promise<string>;
}

const instructions = "You are Stargazer, a helpful assistant. Answer briefly.";

/** At most `maxTextBytes` of UTF-8, cut between characters. */
const fitted = (text: string): string => {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxTextBytes) return text;
  const cut = new TextDecoder().decode(bytes.subarray(0, maxTextBytes - 8), { stream: true });
  return `${cut} …`;
};

export interface OpenAiOptions {
  readonly baseUrl: URL;
  readonly apiKey: string | undefined;
  readonly model: string;
  /** ms for one answer */
  readonly timeoutMs: number;
}

/** Any endpoint that speaks `/chat/completions`. Its key is in no error. */
export const openAiResponder = ({ baseUrl, apiKey, model, timeoutMs }: OpenAiOptions): Responder => {
  const url = new URL(`${baseUrl.href.replace(/\/$/, "")}/chat/completions`);
  const headers = { "content-type": "application/json", ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
  return {
    name: `model ${model}`,
    async respond(text, { signal }) {
      const messages = [
        { role: "system", content: instructions },
        { role: "user", content: text },
      ];
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: JSON.stringify({ model, messages }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw new Error(`the model's endpoint answered ${response.status}`);
      }
      const answer = (await response.json()) as { choices?: { message?: { content?: unknown } }[] };
      const content = answer?.choices?.[0]?.message?.content;
      if (typeof content !== "string" || content.trim() === "") throw new Error("the model's endpoint answered without a text");
      return fitted(content);
    },
  };
};

/** Works without any model, and says that it does. */
const offlineResponder: Responder = {
  name: "offline responder",
  respond: async (text) =>
    `No model is connected (set OPENAI_BASE_URL), so this is Stargazer's offline responder. You said: ${[...text].slice(0, 500).join("")}`,
};

/** By the environment. Throws `SG_ERR_CONFIG_INVALID`. */
export const chooseResponder = (): Responder => {
  const baseUrl = readUrl("OPENAI_BASE_URL", undefined);
  if (baseUrl === undefined) return offlineResponder;
  return openAiResponder({
    baseUrl,
    apiKey: fromEnvironment("OPENAI_API_KEY"),
    model: fromEnvironment("OPENAI_MODEL") ?? "gpt-4o-mini",
    timeoutMs: readNumber({ variable: "OPENAI_TIMEOUT_MS", value: undefined, fallback: 60_000, min: 100, max: 600_000 }),
  });
};
