/** A client of the gateway's webchat. */
import { WebSocket } from "ws";
import { StargazerError } from "../errors.ts";
import type { WebchatAnswer } from "../tiers/gateway/webchat.ts";

export interface WebchatClient {
  send(text: string): void;
  /** Resolves after `close`; rejects with `SG_ERR_FAILED` when the gateway closes the connection. */
  readonly ended: Promise<void>;
  close(): void;
}

export interface WebchatOptions {
  /** the gateway's address, `http://127.0.0.1:8080` for example */
  readonly gateway: string;
  /** called with each answer of the gateway */
  readonly onAnswer: (answer: WebchatAnswer) => void;
  /** closes the connection by force, at any time */
  readonly signal: AbortSignal;
}

const failed = (message: string, cause?: unknown): StargazerError =>
  new StargazerError("SG_ERR_FAILED", message, cause === undefined ? {} : { cause });

const parsed = (data: unknown): WebchatAnswer | undefined => {
  try {
    return JSON.parse(String(data)) as WebchatAnswer;
  } catch {
    return undefined;
  }
};

/** Resolves with the gateway's `welcome`. Rejects with `SG_ERR_FAILED` when the gateway cannot be reached, or with the signal's reason. */
export const openWebchat = ({ gateway, onAnswer, signal }: WebchatOptions): Promise<WebchatClient> => {
  const socket = new WebSocket(`${gateway.replace(/^http/, "ws")}/webchat`);
  const send = (text: string) => socket.send(JSON.stringify({ type: "message", text }));
  let close = (): void => {};
  const ended = new Promise<void>((resolve, reject) => {
    close = () => {
      resolve();
      socket.close(1000);
    };
    socket.once("close", (code) => reject(failed(`the gateway at ${gateway} closed the chat (code ${code})`)));
  });
  ended.catch(() => {});
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason);
      socket.terminate();
    };
    socket.once("close", () => signal.removeEventListener("abort", abort));
    socket.on("error", (cause) => reject(failed(`the gateway at ${gateway} cannot be reached: ${cause.message}`, cause)));
    ended.catch(reject);
    socket.on("message", (data) => {
      const answer = parsed(data);
      if (answer?.type === "welcome") resolve({ send, ended, close });
      if (answer !== undefined) onAnswer(answer);
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
};
