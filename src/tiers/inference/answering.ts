/** Answers one message: gives a responder memory and tools, publishes drafts, and ends it when the author says "stop". */
import type { WordedLogger } from "../../logger.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Writes } from "../../redis/commands.ts";
import type { Waiting } from "../../until.ts";
import { forManyWaits, until } from "../../until.ts";
import type { AnswerWay } from "../messages/answer.ts";
import { answerWrites } from "../messages/answer.ts";
import type { Inbound } from "../messages/envelope.ts";
import { maxTextBytes } from "../messages/envelope.ts";
import { Drafts } from "./drafts.ts";
import { fitted } from "./fitted.ts";
import { recollect } from "./memory.ts";
import { notesOf } from "./notes.ts";
import type { Conversation, Memory, Responder } from "./responder.ts";
import { hasStop, isStopWord, stopComes } from "./stop.ts";
import { Toolbox } from "./tools/toolbox.ts";

export interface Answering {
  readonly redis: RedisClient;
  readonly log: WordedLogger;
  readonly responder: Responder;
  /** of the memory */
  readonly memoryTokens: number;
}

/** One attempt to answer a message. */
export interface Attempt extends Waiting {
  /** a later attempt has a higher one */
  readonly token: number;
  /** the way of the answer */
  readonly way?: AnswerWay;
  /** ms since the epoch */
  readonly epochNow: () => number;
}

const stopped = "Stopped.";

/** The abort reason of an attempt whose author has said "stop". */
const stopReason = new DOMException("the author said stop", "AbortError");

/**
 * Resolves with what the answer writes, the effects of the tools included: all of it is written when the message is settled, or nothing.
 * A message that its author has stopped is answered with what there is of the answer. Rejects where the responder has no answer, and
 * with the reason of the attempt's signal.
 */
export const answerTo = async (answering: Answering, message: Inbound, attempt: Attempt): Promise<Writes> => {
  const { redis, log, responder } = answering;
  const way = attempt.way === undefined ? {} : { way: attempt.way };
  const answered = (text: string): Writes => answerWrites(redis, message, { text, at: attempt.epochNow(), ...way });
  if (isStopWord(message.text)) return answered(stopped);
  const stop = new AbortController();
  const end = new AbortController();
  const signal = forManyWaits(AbortSignal.any([attempt.signal, stop.signal, end.signal]));
  const drafts = new Drafts({ redis, log, message, token: attempt.token, signal });
  drafts.begin();
  const tools = new Toolbox({ redis, message, now: attempt.epochNow() });
  void stopComes({ redis, log, message, signal }).then((comes) => comes && stop.abort(stopReason));
  const conversation: Conversation = {
    signal,
    tools,
    draft: (text) => drafts.show(text),
    recollect: () => remember(answering, message, { signal, stop }),
  };
  try {
    const text: unknown = await until(responder.respond(message.text, conversation), { signal, what: "the responder" });
    if (typeof text !== "string") throw new Error(`the responder answered with ${typeof text} instead of a text`);
    const { keys, commands } = answered(text);
    return { keys: [...keys, ...tools.writes.keys], commands: [...commands, ...tools.writes.commands] };
  } catch (error) {
    attempt.signal.throwIfAborted();
    if (!stop.signal.aborted) throw error;
    return answered(drafts.text.trim() === "" ? stopped : `${fitted(drafts.text, maxTextBytes - 100)}\n\n(${stopped})`);
  } finally {
    end.abort();
  }
};

const remember = async (
  { redis, memoryTokens }: Answering,
  message: Inbound,
  { signal, stop }: Waiting & { readonly stop: AbortController },
): Promise<Memory> => {
  const [{ turns, later }, notes] = await Promise.all([
    recollect(redis, message, { signal, tokens: memoryTokens }),
    notesOf(redis, message, { signal }),
  ]);
  if (hasStop(later)) stop.abort(stopReason);
  signal.throwIfAborted();
  return { turns, notes };
};
