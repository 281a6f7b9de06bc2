/**
 * One exchange with an OpenAI-compatible endpoint, which is not trusted: its response is bounded while it is read, redirects are
 * not followed, every wait has a deadline, and no error repeats what was sent or received.
 */
import { boundedParts, boundedText } from "../../bounded-text.ts";
import { pause } from "../../pause.ts";
import { reasonOf } from "../../redis/reason.ts";
import { FinalFailure } from "../../streams/attempt.ts";
import { until } from "../../until.ts";
import type { Completion } from "./completion.ts";
import { Cut, completionIn, completionOf, maxAnswerBytes } from "./completion.ts";
import { eventsOf } from "./server-sent-events.ts";

export interface Endpoint {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** ms without a part of an answer that has begun */
  readonly stallMs: number;
}

export interface Exchange {
  /** JSON */
  readonly body: string;
  readonly signal: AbortSignal;
  /** called with the text so far; after a repetition it begins anew */
  readonly draft: (text: string) => void;
}

/** requests for one answer: the first, and its repetitions */
const maxRequests = 3;
/** ms before the first repetition, doubled for each further one; half of it is random */
const pauseMs = 500;
/** the longest pause that `Retry-After` may ask for, in ms; past it the attempt has failed, and the message is tried again later */
const maxPauseMs = 30_000;

/** Another request may succeed. */
class Passing extends Error {
  readonly afterMs: number | undefined;
  constructor(message: string, afterMs?: number) {
    super(message);
    this.afterMs = afterMs;
  }
}

/** The endpoint refuses the request, and would refuse it again. */
class Refused extends FinalFailure {
  override readonly name = "Refused";
}

/** ms that `Retry-After` asks for, as seconds or as a date; undefined where it is neither. */
export const retryAfterMs = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined;
  if (/^\s*\d{1,9}(?:\.\d+)?\s*$/.test(header)) return Number(header) * 1000;
  const ms = / GMT\s*$/.test(header) ? Date.parse(header) - now : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
};

/** Only the code of an error of `fetch` is kept: its texts repeat what was sent. */
const unreached = (error: unknown): Error => {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const known = [cause?.code, code].find((one) => typeof one === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(one));
  return new Passing(`the model's endpoint cannot be reached${known ? `: ${reasonOf({ code: known, message: known })}` : ""}`);
};

/** Throws unless the status is that of an answer. */
const checkStatus = ({ status, headers }: Response): void => {
  if (status >= 200 && status < 300) return;
  const problem = `the model's endpoint answered ${status}`;
  if (status >= 300 && status < 400) throw new Refused(`${problem}: redirects are not followed`);
  if (status < 500 && status !== 429) throw new Refused(problem);
  // the date of the answer is of the same clock as a date in Retry-After
  throw new Passing(problem, retryAfterMs(headers.get("retry-after"), Date.parse(headers.get("date") ?? "")));
};

/** The parts of an answer, each within its deadline. */
async function* promptly(
  parts: AsyncGenerator<Uint8Array, void>,
  stallMs: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const within = AbortSignal.any([signal, AbortSignal.timeout(stallMs)]);
    const { done, value } = await until(parts.next(), { signal: within, what: "the next part of the model's answer" });
    if (done || value === undefined) return;
    yield value;
  }
}

/** Reads an answer; an error of the connection is `Passing`, one of the content is not. */
const readAnswer = async (response: Response, stallMs: number, { draft, signal }: Exchange): Promise<Completion> => {
  const isStream = response.headers.get("content-type")?.includes("text/event-stream") ?? false;
  if (!isStream) return completionIn(await boundedText(response, maxAnswerBytes));
  return completionOf(eventsOf(promptly(boundedParts(response, maxAnswerBytes), stallMs, signal)), draft);
};

/** What an attempt failed with, as it is logged. Breaks and stalls may pass, as may every trouble of the connection. */
const failureOf = (error: unknown): unknown => {
  const { name, message, code } = error as { name?: unknown; message?: unknown; code?: unknown };
  if (error instanceof Cut || name === "TimeoutError") return new Passing(String(message));
  return error instanceof TypeError || typeof code === "string" ? unreached(error) : error;
};

/** One request. Nothing of it is left when it settles: what is not read yet is cancelled. */
const request = async ({ url, headers, stallMs }: Endpoint, exchange: Exchange): Promise<Completion> => {
  const end = new AbortController();
  const signal = AbortSignal.any([exchange.signal, end.signal]);
  try {
    const response = await fetch(url, { method: "POST", headers, body: exchange.body, redirect: "manual", signal });
    checkStatus(response);
    return await readAnswer(response, stallMs, exchange);
  } catch (error) {
    exchange.signal.throwIfAborted();
    throw failureOf(error);
  } finally {
    end.abort();
  }
};

const pauseBefore = (requests: number, { afterMs }: Passing): number =>
  afterMs ?? pauseMs * 2 ** (requests - 1) * (0.5 + Math.random() / 2);

/**
 * Asks, and asks again after a pause where the endpoint answers 5xx or 429, cannot be reached or breaks off: three requests in all.
 * Rejects with `Refused` for any other 4xx and for a redirect, and with the signal's reason once that aborts.
 */
export const ask = async (endpoint: Endpoint, exchange: Exchange): Promise<Completion> => {
  for (let requests = 1; ; requests += 1) {
    try {
      return await request(endpoint, exchange);
    } catch (error) {
      if (!(error instanceof Passing) || requests === maxRequests) throw error;
      const ms = pauseBefore(requests, error);
      if (ms > maxPauseMs) throw error;
      await pause(ms, exchange);
      exchange.signal.throwIfAborted();
    }
  }
};
