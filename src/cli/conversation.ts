/** A chat line by line, from a terminal or a pipe. */
import { createInterface } from "node:readline";
import { cleanLines } from "../clean.ts";
import { StargazerError } from "../errors.ts";
import type { WebchatAnswer } from "../tiers/gateway/webchat.ts";
import { until } from "../until.ts";
import { invocation } from "./invocation.ts";
import { own, print, printError, printPart } from "./print.ts";
import { interrupted } from "./signals.ts";
import { paintFor } from "./terminal.ts";
import type { WebchatOptions } from "./webchat-client.ts";
import { openWebchat } from "./webchat-client.ts";

/** Where a chat goes, and with which token. */
export type Gateway = Pick<WebchatOptions, "gateway" | "token">;

/** Counts the answers that are still to come. */
class PendingAnswers {
  #count = 0;
  #waiting: (() => void)[] = [];

  add(): void {
    this.#count += 1;
  }

  settle(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves when no answer is pending. */
  settled(): Promise<void> {
    return this.#count > 0 ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }
}

const isTerminal = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;
const prompt = (): void => {
  if (isTerminal()) printPart("> ");
};

const show = (answer: WebchatAnswer): void => {
  const paint = paintFor(process.stdout);
  if (isTerminal()) printPart(own("\r"));
  if (answer.type === "reply") print(cleanLines(answer.text).map((line) => paint("cyan", line)));
  if (answer.type === "error") printError(paint("red", `not accepted: ${answer.message}`));
  prompt();
};

const isLast = ({ type }: WebchatAnswer): boolean => type === "reply" || type === "error";

/**
 * Sends each line of standard input until the input ends or a signal arrives. At the end of the input it waits for the answers
 * that are pending, at most `replyTimeoutMs`. Rejects with `SG_ERR_FAILED` when the gateway closes or an answer does not arrive.
 */
export const converse = async (gateway: Gateway, replyTimeoutMs: number): Promise<void> => {
  const { signal, release } = interrupted();
  const pending = new PendingAnswers();
  const onAnswer = (answer: WebchatAnswer): void => {
    if (!isLast(answer)) return;
    show(answer);
    pending.settle();
  };
  try {
    const client = await openWebchat({ ...gateway, onAnswer, signal });
    const lines = createInterface({ input: process.stdin, terminal: false, signal });
    client.ended.catch(() => lines.close());
    prompt();
    for await (const text of lines) {
      if (text.trim() === "") {
        prompt();
        continue;
      }
      pending.add();
      client.send(text);
    }
    const late = noReply(replyTimeoutMs);
    const answered = Promise.race([pending.settled(), client.ended]);
    await within(replyTimeoutMs, late, signal, answered);
    client.close();
    await client.ended;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    release();
  }
};

/** What can be looked at: whether a worker is there, and what it has logged. */
export const noReply = (ms: number): StargazerError =>
  new StargazerError(
    "SG_ERR_FAILED",
    `no reply within ${ms / 1000} s. ${invocation()} fleet lists the inference workers; the log of one has what its model answered.`,
  );

/** Settles as `promise` does; rejects with `late` after `ms`, or with the signal's reason. */
export const within = async <T>(ms: number, late: Error, signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> => {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(late), ms);
  const either = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
  try {
    return await until(promise, { signal: either, what: "an answer" });
  } finally {
    clearTimeout(timer);
  }
};
