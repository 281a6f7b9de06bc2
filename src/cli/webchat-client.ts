/** A client of the gateway's webchat. */
import { WebSocket } from "ws";
import { messageOf, StargazerError } from "../errors.ts";
import { socketProtocols } from "../http/token.ts";
import type { Reader } from "../schema.ts";
import { object, oneOf, readJson, text } from "../schema.ts";
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
  /** that of the fleet, where it has one */
  readonly token?: string | undefined;
  /** called with each answer of the gateway */
  readonly onAnswer: (answer: WebchatAnswer) => void;
  /** closes the connection by force, at any time */
  readonly signal: AbortSignal;
}

const failed = (message: string, cause?: unknown): StargazerError =>
  new StargazerError("SG_ERR_FAILED", message, cause === undefined ? {} : { cause });

const refused = (gateway: string, status: number | undefined): StargazerError => {
  const why = status === 401 ? "the token is missing or wrong: SG_TOKEN has to be that of the fleet" : `it answered ${status}`;
  return failed(`the gateway at ${gateway} refused the chat: ${why}`);
};

/** larger than any answer of a gateway */
const maxAnswerBytes = 1_048_576;

const readers: { readonly [T in WebchatAnswer["type"]]: Reader<Extract<WebchatAnswer, { type: T }>> } = {
  welcome: object({ type: oneOf(["welcome"]), channel: text() }),
  accepted: object({ type: oneOf(["accepted"]), id: text() }),
  reply: object({ type: oneOf(["reply"]), text: text(maxAnswerBytes), to: text() }),
  error: object({
    type: oneOf(["error"]),
    code: oneOf(["bad_message", "too_large", "too_many", "unavailable"]),
    message: text(),
  }),
};
const isKnown = (type: string): type is WebchatAnswer["type"] => Object.hasOwn(readers, type);

/** A promise and what settles it. */
const deferred = <T>() => {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((...own) => {
    [resolve, reject] = own;
  });
  return { promise, resolve, reject };
};

const answerReader: Reader<WebchatAnswer | undefined> = (value, where) => {
  const { type } = object({ type: text() })(value, where);
  return isKnown(type) ? readers[type](value, where) : undefined;
};

/** Undefined for an answer of a type that this version does not know. Throws a `Misfit`. */
const readAnswer = (json: string): WebchatAnswer | undefined => readJson(json, { bytes: maxAnswerBytes, read: answerReader });

/**
 * Resolves with the gateway's `welcome`. Rejects with `SG_ERR_FAILED` when the gateway cannot be reached or what it answers cannot be
 * read, or with the signal's reason.
 */
export const openWebchat = ({ gateway, token, onAnswer, signal }: WebchatOptions): Promise<WebchatClient> => {
  const url = `${gateway.replace(/^http/, "ws")}/webchat`;
  const socket = new WebSocket(url, socketProtocols(token), { maxPayload: maxAnswerBytes });
  const send = (text: string) => socket.send(JSON.stringify({ type: "message", text }));
  const ended = deferred<void>();
  const opened = deferred<WebchatClient>();
  const close = (): void => {
    ended.resolve();
    socket.close(1000);
  };
  const fail = (error: unknown): void => {
    ended.reject(error);
    socket.terminate();
  };
  const abort = () => fail(signal.reason);
  ended.promise.catch(opened.reject);
  socket.once("close", (code) => {
    signal.removeEventListener("abort", abort);
    fail(failed(`the gateway at ${gateway} closed the chat (code ${code})`));
  });
  socket.on("unexpected-response", (_request, { statusCode }) => fail(refused(gateway, statusCode)));
  socket.on("error", (cause) => fail(failed(`the gateway at ${gateway} cannot be reached: ${cause.message}`, cause)));
  socket.on("message", (data) => {
    let answer: WebchatAnswer | undefined;
    try {
      answer = readAnswer(String(data));
    } catch (cause) {
      return fail(failed(`what the gateway at ${gateway} answered cannot be read: ${messageOf(cause)}`, cause));
    }
    if (answer?.type === "welcome") opened.resolve({ send, ended: ended.promise, close });
    if (answer !== undefined) onAnswer(answer);
  });
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return opened.promise;
};
