/** The interface of a responder, which makes the answer to a message, and its input. */
import type { Toolbox } from "./tools/toolbox.ts";

/** One line of a conversation, as a model reads it. */
export interface Turn {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What is known of a conversation before the message. */
export interface Memory {
  /** the last turns, oldest first; bounded in tokens and in bytes */
  readonly turns: readonly Turn[];
  /** what the agents and the upkeep know of the conversation, in sentences; empty where that is nothing */
  readonly notes: string;
}

/** A conversation while one of its messages is answered. */
export interface Conversation {
  /** aborts when the worker stops, when the message is no longer the worker's, and when the author says "stop" */
  readonly signal: AbortSignal;
  /** Reads the memory; each call reads it again. Rejects with Redis' error, and with the signal's reason. */
  recollect(): Promise<Memory>;
  readonly tools: Toolbox;
  /** Shows what there is of the answer so far: the whole text. At most ten a second are published; the rest is dropped. */
  draft(text: string): void;
}

/** Makes the answer to one message. */
export interface Responder {
  readonly name: string;
  /**
   * Resolves with the answer. Rejects where there is none, and when the signal aborts; the message is then tried again, three
   * attempts in all, and once only where it rejects with `FinalFailure`.
   */
  respond(text: string, conversation: Conversation): Promise<string>;
}
