/** A chat line by line, from a terminal or a pipe, and a single question. */
import { createInterface } from "node:readline";
import { cleanLines } from "../clean.ts";
import { StargazerError } from "../errors.ts";
import type { Line } from "../tiers/gateway/webchat/frames.ts";
import { until } from "../until.ts";
import { invocation } from "./invocation.ts";
import { own, print, printError, printPart } from "./print.ts";
import { interrupted } from "./signals.ts";
import { paintFor } from "./terminal.ts";
import type { Webchat, WebchatOptions } from "./webchat-client.ts";
import { openWebchat } from "./webchat-client.ts";

/** The gateway of a chat, its token, and the deadline of an answer. */
export interface Conversation extends Pick<WebchatOptions, "findGateway" | "token"> {
  /** ms for an answer */
  readonly answerTimeoutMs: number;
  /** Called once when an answer takes long. Resolves with a likely reason, in words. */
  readonly explain: () => Promise<string | undefined>;
}

/** ms after which a reason is looked for */
const longMs = 10_000;

/** Counts the answers that are still to come. */
class PendingAnswers {
  #count = 0;
  /** the messages that have an answer */
  readonly #answered = new Set<string>();
  #waiting: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(): void {
    this.#count += 1;
  }

  /** Only the first line to a message is its answer: a reminder names the message that asked for it. */
  answer(to: string): void {
    if (this.#answered.has(to)) return;
    this.#answered.add(to);
    this.remove();
  }

  remove(): void {
    this.#count -= 1;
    this.change();
  }

  change(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves with the next answer, and when a message is accepted or refused. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

const isTerminal = (): boolean => process.stdin.isTTY === true && process.stdout.isTTY === true;
const prompt = (): void => {
  if (isTerminal()) printPart("> ");
};
const note = (text: string): void => {
  if (isTerminal()) printPart(own("\r"));
  printError(paintFor(process.stderr)("yellow", text));
};

/** What a reason is found in: the log of the gateway that has not accepted a message, or that of a worker. */
const late = (ms: number, isAccepted: boolean): StargazerError => {
  const fleet = `${invocation()} fleet`;
  const message = isAccepted
    ? `no answer within ${ms / 1000} s. ${fleet} lists the inference workers; the log of one has what its model answered.`
    : `no gateway has accepted the message within ${ms / 1000} s. ${fleet} lists the gateways; the log of one has the reason.`;
  return new StargazerError("SG_ERR_FAILED", message);
};

interface Expected<T> {
  readonly promise: Promise<T>;
  readonly client: Webchat["client"];
  readonly signal?: AbortSignal;
}

/** Settles as `promise` does; rejects with an error after the time for an answer, or with the signal's reason. */
const answered = async <T>({ answerTimeoutMs, explain }: Conversation, { promise, client, signal }: Expected<T>): Promise<T> => {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(late(answerTimeoutMs, client.unsent === 0)), answerTimeoutMs);
  const looking = setTimeout(() => {
    // before it is accepted no worker has it, and the client writes what it waits for
    if (client.unsent > 0) return;
    explain().then(
      (reason) => reason !== undefined && note(reason),
      () => {},
    );
  }, longMs);
  const answer = until(promise, { signal: deadline.signal, what: "an answer" });
  try {
    return await (signal === undefined ? answer : until(answer, { signal, what: "an answer" }));
  } finally {
    clearTimeout(timer);
    clearTimeout(looking);
  }
};

/** Sends one message. Resolves with its answer; rejects with `SG_ERR_FAILED` and what happened where there is none. */
export const ask = async (conversation: Conversation, text: string): Promise<string> => {
  let chat: Webchat | undefined;
  try {
    const answer = new Promise<string>((resolve, reject) => {
      const fail = (message: string) => reject(new StargazerError("SG_ERR_FAILED", message));
      chat = openWebchat({
        ...conversation,
        onTrouble: note,
        onRefused: (_line, why) => fail(`the message was refused: ${why}`),
        onLine: (line) => {
          if (line.role === "assistant") resolve(line.text);
          if (line.role === "notice") fail(`${line.text} ${invocation()} dlq list has the reason.`);
        },
      });
      chat.failed.catch(reject);
      chat.client.say(text);
    });
    return await answered(conversation, { promise: answer, client: chat!.client });
  } finally {
    chat?.client.stop();
  }
};

const show = ({ role, text }: Line): void => {
  const paint = paintFor(process.stdout);
  if (isTerminal()) printPart(own("\r"));
  if (role === "assistant") print(cleanLines(text).map((line) => paint("cyan", line)));
  else printError(cleanLines(text).map((line) => paint("red", line)));
  prompt();
};

/**
 * Sends each line of standard input until the input ends or a signal arrives; reads no more while as many lines as the client keeps
 * are not accepted. At the end of the input it waits for the answers that are pending. Resolves with whether each line got an answer.
 * Rejects with `SG_ERR_FAILED` where no gateway can be reached or nothing is answered or accepted for too long.
 */
export const converse = async (conversation: Conversation): Promise<boolean> => {
  const { signal, release } = interrupted();
  const pending = new PendingAnswers();
  let failures = 0;
  const { client, failed } = openWebchat({
    ...conversation,
    onTrouble: note,
    onAccepted: () => pending.change(),
    onRefused: (_line, why) => {
      failures += 1;
      note(`not sent: ${why}`);
      pending.remove();
    },
    onLine: (line) => {
      if (line.role === "user") return;
      if (line.role === "notice") failures += 1;
      show(line);
      pending.answer(line.to);
    },
  });
  const change = () => answered(conversation, { promise: Promise.race([pending.changed(), failed]), client, signal });
  const send = async (text: string): Promise<void> => {
    if (text.trim() === "") return prompt();
    while (!client.say(text)) await change();
    pending.add();
  };
  try {
    const lines = createInterface({ input: process.stdin, terminal: false, signal });
    failed.catch(() => lines.close());
    prompt();
    for await (const text of lines) await send(text);
    while (!pending.isEmpty) await change();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    client.stop();
    release();
  }
  return failures === 0;
};
