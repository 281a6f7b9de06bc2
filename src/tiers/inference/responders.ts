/** The responders: a model behind an OpenAI-compatible endpoint, or, without one, a text that names the missing setting. */
import { boundedText } from "../../bounded-text.ts";
import { fromEnvironment } from "../../environment.ts";
import { reasonOf } from "../../redis/reason.ts";
import { list, object, readJson, text } from "../../schema.ts";
import { maxTextBytes } from "../messages/envelope.ts";
import { invalid, readAll, readNumber, readUrl } from "../settings.ts";

/** Makes the answer to one message. */
export interface Responder {
  readonly name: string;
  /** Resolves with the answer. Rejects where there is none, and when the signal aborts; the message is then retried, three attempts in all. */
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

/** A URL without secrets: credentials, query and fragment are replaced by ***. */
const shown = ({ protocol, username, password, host, pathname, search, hash }: URL): string => {
  const user = password ? "***:***@" : username ? "***@" : "";
  return `${protocol}//${user}${host}${pathname}${search && "?***"}${hash && "#***"}`;
};

const checkUrl = (url: URL): void => {
  if (url.username || url.password)
    throw invalid("OPENAI_BASE_URL", `is ${shown(url)} but must name no user or password; put the key into OPENAI_API_KEY`);
  if (url.search || url.hash) throw invalid("OPENAI_BASE_URL", `is ${shown(url)} but must end with its path`);
};

/** Refuses a key that cannot be sent in a header, since the error of `fetch` would repeat it. */
const checkKey = (key: string): void => {
  if (!/^[\x21-\x7e]+$/.test(key))
    throw invalid("OPENAI_API_KEY", "has a blank, a line break or another character that cannot be sent as a key");
};

/**
 * An error of `respond` reaches logs and dead letters, and those of `fetch` and JSON repeat what was sent or received: only their
 * code is kept.
 */
const unreached = (error: unknown): Error => {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const known = [cause?.code, code].find((one) => typeof one === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(one));
  return new Error(`the model's endpoint cannot be reached${known ? `: ${reasonOf({ code: known, message: known })}` : ""}`);
};

/** larger than any answer of which `maxTextBytes` are kept */
const maxAnswerBytes = 1_048_576;
const answerReader = object({ choices: list(object({ message: object({ content: text(maxAnswerBytes) }) }), 16) });

/** The text of an answer. The error does not repeat the answer. */
const contentIn = (json: string): string => {
  let content: string | undefined;
  try {
    content = readJson(json, { bytes: maxAnswerBytes, read: answerReader }).choices[0]?.message.content;
  } catch (error) {
    if ((error as Error).message.includes("JSON")) throw new Error("the model's endpoint answered with something else than JSON");
  }
  if (content === undefined || content.trim() === "") throw new Error("the model's endpoint answered without a text");
  return content;
};

/** A responder for any endpoint with `/chat/completions`. No error contains the key. Throws `SG_ERR_CONFIG_INVALID`. */
export const openAiResponder = ({ baseUrl, apiKey, model, timeoutMs }: OpenAiOptions): Responder => {
  checkUrl(baseUrl);
  if (apiKey !== undefined) checkKey(apiKey);
  const url = new URL(`${baseUrl.href.replace(/\/$/, "")}/chat/completions`);
  const headers = { "content-type": "application/json", ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }) };
  const ask = async (body: string, signal: AbortSignal): Promise<{ status: number; text: string }> => {
    const response = await fetch(url, { method: "POST", headers, body, signal });
    if (response.ok) return { status: response.status, text: await boundedText(response, maxAnswerBytes) };
    await response.body?.cancel();
    return { status: response.status, text: "" };
  };
  return {
    name: `model ${model}`,
    async respond(message, { signal }) {
      const messages = [
        { role: "system", content: instructions },
        { role: "user", content: message },
      ];
      const deadline = AbortSignal.timeout(timeoutMs);
      const asked = ask(JSON.stringify({ model, messages }), AbortSignal.any([signal, deadline]));
      const answer = await asked.catch((error: unknown) => {
        signal.throwIfAborted();
        throw deadline.aborted ? new Error(`the model's endpoint gave no answer within ${timeoutMs} ms`) : unreached(error);
      });
      if (answer.status >= 300) throw new Error(`the model's endpoint answered ${answer.status}`);
      return fitted(contentIn(answer.text));
    },
  };
};

/** Needs no model; its answer names that. */
const offlineResponder: Responder = {
  name: "offline responder",
  respond: async (text) =>
    `No model is connected (set OPENAI_BASE_URL), so this is Stargazer's offline responder. You said: ${[...text].slice(0, 500).join("")}`,
};

const timeout = { variable: "OPENAI_TIMEOUT_MS", value: undefined, fallback: 60_000, min: 100, max: 600_000 };

/** The responder that the environment names (`OPENAI_BASE_URL`). Throws `SG_ERR_CONFIG_INVALID` with every problem. */
export const chooseResponder = (): Responder => {
  const { baseUrl, timeoutMs } = readAll({
    baseUrl: () => readUrl("OPENAI_BASE_URL", undefined),
    timeoutMs: () => readNumber(timeout),
  });
  if (baseUrl === undefined) return offlineResponder;
  return openAiResponder({
    baseUrl,
    apiKey: fromEnvironment("OPENAI_API_KEY"),
    model: fromEnvironment("OPENAI_MODEL") ?? "gpt-4o-mini",
    timeoutMs,
  });
};
