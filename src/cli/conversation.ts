/** A chat line by line, from a terminal or a pipe. */
import { createInterface } from "node:readline";
import { until } from "../clock.ts";
import { StargazerError } from "../errors.ts";
import type { WebchatAnswer } from "../tiers/gateway/webchat.ts";
import { interrupted } from "./signals.ts";
import { paintFor, readable } from "./terminal.ts";
import { openWebchat } from "./webchat-client.ts";

/** How many answers are still to come. */
class Owed {
  #count = 0;
  #none: (() => void)[] = [];

  more(): void {
    this.#count += 1;
  }

  less(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const resolve of this.#none.splice(0)) resolve();
  }

  none(): Promise<void> {
    return this.#count > 0 ? new Promise((resolve) => this.#none.push(resolve)) : Promise.resolve();
  }
}

const isTerminal = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;
const prompt = (): void => {
  if (isTerminal()) process.stdout.write("> ");
};

const show = (answer: WebchatAnswer): void => {
  const paint = paintFor(process.stdout);
  if (isTerminal()) process.stdout.write("\r");
  if (answer.type === "reply") console.log(paint("cyan", readable(answer.text)));
  if (answer.type === "error") console.error(paint("red", `not accepted: ${readable(answer.message)}`));
  prompt();
};

const isLast = ({ type }: WebchatAnswer): boolean => type === "reply" || type === "error";

/**
 * Until the input ends or a signal comes. What was asked by then is waited for, `replyTimeoutMs` at most, unless a signal came.
 * Rejects with `SG_ERR_FAILED` where the gateway goes away or an answer stays out.
 */
export const converse = async (gateway: string, replyTimeoutMs: number): Promise<void> => {
  const { signal, release } = interrupted();
  const owed = new Owed();
  const hear = (answer: WebchatAnswer): void => {
    if (!isLast(answer)) return;
    show(answer);
    owed.less();
  };
  try {
    const client = await openWebchat({ gateway, hear, signal });
    const lines = createInterface({ input: process.stdin, terminal: false, signal });
    client.ended.catch(() => lines.close());
    prompt();
    for await (const text of lines) {
      if (text.trim() === "") continue;
      owed.more();
      client.send(text);
    }
    const late = new StargazerError("SG_ERR_FAILED", `no reply within ${replyTimeoutMs / 1000} s. See: stargazer fleet`);
    const answered = Promise.race([owed.none(), client.ended]);
    await within(replyTimeoutMs, late, signal, answered);
    client.close();
    await client.ended;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    release();
  }
};

/** Settles with `promise`, or rejects with `late` when the time is over, or when the signal aborts. */
export const within = async <T>(ms: number, late: Error, signal: AbortSignal | undefined, promise: Promise<T>): Promise<T> => {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(late), ms);
  try {
    return await until(signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]), promise);
  } finally {
    clearTimeout(timer);
  }
};
