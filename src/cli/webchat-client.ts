/** The client of a conversation on a terminal: sockets of `ws`; the session is kept in memory only. */
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { messageOf, StargazerError } from "../errors.ts";
import { socketProtocols } from "../http/token.ts";
import type { Reader } from "../schema.ts";
import { number, object, oneOf, readJson, text } from "../schema.ts";
import type { BusyReason, Line, ServerFrame } from "../tiers/gateway/webchat/frames.ts";
import type { Socket, SocketEvents, Unsent } from "../tiers/web/page/chat-client.js";
import { ChatClient } from "../tiers/web/page/chat-client.js";

export interface WebchatOptions {
  /** Resolves with the address of a gateway, `http://127.0.0.1:8080` for example: another one than `last`, where there is one. */
  readonly findGateway: (last?: string) => Promise<string>;
  /** that of the fleet, where it has one */
  readonly token?: string | undefined;
  /** called with each line that the conversation gets, those of the user included */
  readonly onLine: (line: Line) => void;
  /** called with what the client waits for, in words */
  readonly onTrouble: (text: string) => void;
  /** called where a line is accepted */
  readonly onAccepted?: () => void;
  /** called where a line will never be accepted */
  readonly onRefused: (line: Unsent, why: string) => void;
}

export interface Webchat {
  readonly client: ChatClient;
  /** Rejects with `SG_ERR_FAILED` where no gateway can be reached at the start, or what one sends cannot be read. */
  readonly failed: Promise<never>;
}

/** attempts to reach a gateway before the first one has succeeded */
const firstAttempts = 3;

const failure = (message: string, cause?: unknown): StargazerError =>
  new StargazerError("SG_ERR_FAILED", message, cause === undefined ? {} : { cause });

const refusal = (gateway: string, status: number | undefined): string => {
  const why = status === 401 ? "the token is missing or wrong: SG_TOKEN has to be that of the fleet" : `it answered ${status}`;
  return `the gateway at ${gateway} refused the chat: ${why}`;
};

/** larger than any frame of a gateway */
const maxFrameBytes = 1_048_576;

const reasons = ["rate", "address", "conversation", "fleet", "memory", "unavailable"] as const satisfies readonly BusyReason[];
const place = { page: text(), n: number };
const readers: { readonly [T in ServerFrame["type"]]: Reader<Extract<ServerFrame, { type: T }>> } = {
  welcome: object({ type: oneOf(["welcome"]), session: text(), channel: text(), after: text() }),
  line: object({
    ...{ type: oneOf(["line"]), id: text(), role: oneOf(["user", "assistant", "notice"]), message: text(), to: text() },
    ...{ text: text(maxFrameBytes), at: number },
  }),
  live: object({ type: oneOf(["live"]) }),
  accepted: object({ type: oneOf(["accepted"]), id: text(), ...place }),
  gap: object({ type: oneOf(["gap"]), ...place }),
  busy: object({ type: oneOf(["busy"]), seconds: number, reason: oneOf(reasons), ...place }),
  refused: object({ type: oneOf(["refused"]), message: text(), ...place }),
  typing: object({ type: oneOf(["typing"]), to: text() }),
  draft: object({ type: oneOf(["draft"]), to: text(), token: number, n: number, text: text(maxFrameBytes) }),
  pong: object({ type: oneOf(["pong"]) }),
  error: object({ type: oneOf(["error"]), message: text() }),
};
const isKnown = (type: string): type is ServerFrame["type"] => Object.hasOwn(readers, type);

const frameReader: Reader<ServerFrame | undefined> = (value, where) => {
  const { type } = object({ type: text() })(value, where);
  return isKnown(type) ? readers[type](value, where) : undefined;
};

/** Undefined for a frame of a type that this version does not know. Throws a `Misfit`. */
const readFrame = (json: string): ServerFrame | undefined => readJson(json, { bytes: maxFrameBytes, read: frameReader });

interface Opening {
  readonly token: string | undefined;
  readonly events: SocketEvents;
  /** called where what the gateway sends cannot be read */
  readonly onUnreadable: (error: StargazerError) => void;
}

const openAt = (gateway: string, { token, events, onUnreadable }: Opening): WebSocket => {
  const url = `${gateway.replace(/^http/, "ws")}/webchat`;
  const socket = new WebSocket(url, socketProtocols(token), { maxPayload: maxFrameBytes });
  const unreadable = (cause: unknown) =>
    onUnreadable(failure(`what the gateway at ${gateway} sent cannot be read: ${messageOf(cause)}`, cause));
  socket.once("open", () => events.opened());
  socket.once("close", (code) => events.closed(`the gateway at ${gateway} closed the chat (code ${code})`));
  socket.on("unexpected-response", (_request, { statusCode }) => events.refused(refusal(gateway, statusCode)));
  socket.on("error", (cause: NodeJS.ErrnoException) => {
    if (String(cause.code).startsWith("WS_ERR")) unreadable(cause);
    else events.closed(`the gateway at ${gateway} cannot be reached: ${cause.message}`);
  });
  socket.on("message", (data) => {
    try {
      const frame = readFrame(String(data));
      if (frame !== undefined) events.frame(frame);
    } catch (cause) {
      unreadable(cause);
    }
  });
  return socket;
};

/** Ends a socket, also one that is not open yet. */
const end = (socket: WebSocket): void => {
  if (socket.readyState === WebSocket.OPEN) socket.close(1000);
  else socket.terminate();
};

/** Opens a socket once the gateway is known, unless the client closed it before. */
const opener = ({ findGateway, token }: WebchatOptions, onUnreadable: Opening["onUnreadable"]) => {
  let last: string | undefined;
  return (events: SocketEvents): Socket => {
    const closed = new AbortController();
    const opened = findGateway(last).then((gateway) => {
      last = gateway;
      return closed.signal.aborted ? undefined : openAt(gateway, { token, events, onUnreadable });
    });
    opened.catch((error: unknown) => events.closed(messageOf(error)));
    const onSocket = (use: (socket: WebSocket) => void) =>
      void opened.then(
        (socket) => socket && use(socket),
        () => {},
      );
    return {
      send: (frame) => onSocket((socket) => socket.send(JSON.stringify(frame), () => {})),
      close: () => {
        closed.abort();
        onSocket(end);
      },
    };
  };
};

/** A client of a new conversation, which connects at once. Stop it with `client.stop()`. */
export const openWebchat = (options: WebchatOptions): Webchat => {
  let reject: (error: StargazerError) => void = () => {};
  const failed = new Promise<never>((_resolve, own) => {
    reject = own;
  });
  failed.catch(() => {});
  const fail = (error: StargazerError): void => {
    reject(error);
    client.stop();
  };
  let attempts = 0;
  let wasLive = false;
  const onState = (state: string, why: string): void => {
    wasLive ||= state.startsWith("live");
    if (state === "away") attempts += 1;
    if (state === "refused" || (attempts >= firstAttempts && !wasLive)) fail(failure(why));
    else if (state === "away" && wasLive) options.onTrouble(`${why || "the gateway does not answer"}; connecting again`);
  };
  const busy = (reason: BusyReason, seconds: number) => options.onTrouble(`${busyWords[reason]}; sending again in ${seconds} s`);
  const client = new ChatClient(
    {
      open: opener(options, fail),
      read: () => undefined,
      write: () => {},
      pageId: () => randomBytes(16).toString("base64url"),
    },
    {
      state: onState,
      line: options.onLine,
      unsent: () => {},
      accepted: () => options.onAccepted?.(),
      refused: options.onRefused,
      busy,
      draft: () => {},
    },
  );
  client.start();
  return { client, failed };
};

const busyWords: Readonly<Record<BusyReason, string>> = {
  rate: "these are more messages than the gateway takes at once",
  address: "these are more messages than the gateway takes from one address",
  conversation: "too many messages of this conversation wait for their answers",
  fleet: "too many messages of the fleet wait for their answers",
  memory: "the memory of the fleet's Redis is full",
  unavailable: "the gateway could not store the message",
};
