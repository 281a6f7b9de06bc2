/** The frames between a client and the webchat: JSON, one object a frame. */
import type { Reader } from "../../../schema.ts";
import { fitting, object, oneOf, optional, readJson, text } from "../../../schema.ts";
import type { Role } from "../../messages/answer.ts";
import { maxTextBytes } from "../../messages/envelope.ts";

/** The place of a message among those of its page. */
interface Place {
  /** drawn at random by each page that is loaded: 16 to 36 letters, digits, `-` and `_` */
  readonly page: string;
  /** 1 for the first message of the page, then one more for each */
  readonly n: number;
}

/** The first frame of a connection. Without `session` a conversation begins. `after` is the `id` of the last line that the client has. */
export interface Hello {
  readonly type: "hello";
  readonly session?: string;
  readonly after?: string;
}

/** A message; repeated with the same place until the gateway has answered it. */
export interface Message extends Place {
  readonly type: "message";
  readonly text: string;
}

/** Every frame of a client. `ping` asks for a `pong`, which shows that the gateway is alive. */
export type ClientFrame = Hello | Message | { readonly type: "ping" };

/** One line of the conversation. A client shows those whose `id` is later than that of the last line that it has, and keeps that `id`. */
export interface Line {
  readonly type: "line";
  readonly id: string;
  readonly role: Role;
  /** the id of the message or of the answer */
  readonly message: string;
  /** the id of the message that it answers; empty for a message of the author */
  readonly to: string;
  readonly text: string;
  /** ms since the epoch */
  readonly at: number;
  /** the instance that answered; left out where the log does not have it */
  readonly by?: string;
  /** how many attempts the answer took; left out where the log does not have it */
  readonly attempts?: number;
}

/** Why a message has to be sent again later: the sender's rate, too much that is unanswered, a full memory of Redis, or no Redis. */
export type BusyReason = "rate" | "address" | "conversation" | "fleet" | "memory" | "unavailable";

/** Every frame of the gateway. */
export type ServerFrame =
  /** The first one. `session` continues the conversation, on any gateway; lines after `after` follow, then `live`. */
  | { readonly type: "welcome"; readonly session: string; readonly channel: string; readonly after: string }
  | Line
  /** The client has every line that the log has; from here on lines come as they are written. */
  | { readonly type: "live" }
  /** Redis has the message; `id` is its id. */
  | ({ readonly type: "accepted"; readonly id: string } & Place)
  /** The message is not accepted, since an earlier one is missing: send on from `n`, or begin to count with a new `page`. */
  | ({ readonly type: "gap" } & Place)
  /** The message is not accepted: send it again after `seconds`. */
  | ({ readonly type: "busy"; readonly seconds: number; readonly reason: BusyReason } & Place)
  /** The message will never be accepted; its number is free again. */
  | ({ readonly type: "refused"; readonly message: string } & Place)
  /** An answer is being made, and what there is of it; both may be lost, the line replaces them. */
  | { readonly type: "typing"; readonly to: string }
  | { readonly type: "draft"; readonly to: string; readonly token: number; readonly n: number; readonly text: string }
  | { readonly type: "pong" }
  /** A frame that cannot be read. */
  | { readonly type: "error"; readonly message: string };

/** JSON may write a byte of text as six: a backslash, a u and four digits */
export const maxFrameBytes = 6 * maxTextBytes + 1024;

const page = fitting(
  (value): value is string => typeof value === "string" && /^[\w-]{16,36}$/.test(value),
  "16 to 36 letters, digits, - and _",
);
const place = fitting(
  (value): value is number => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 1e9,
  "a whole number from 1 to 1000000000",
);
const lineId = fitting(
  (value): value is string => typeof value === "string" && /^\d{1,15}-\d{1,15}$/.test(value),
  "the id of a line",
);

const readers: { readonly [T in ClientFrame["type"]]: Reader<Extract<ClientFrame, { type: T }>> } = {
  hello: object({ type: oneOf(["hello"]), session: optional(text(256)), after: optional(lineId) }),
  message: object({ type: oneOf(["message"]), page, n: place, text: text(maxFrameBytes) }),
  ping: object({ type: oneOf(["ping"]) }),
};
const anyType = object({ type: oneOf(["hello", "message", "ping"]) });

const frameReader: Reader<ClientFrame> = (value, where) => readers[anyType(value, where).type](value, where);

/** A client's frame. Throws a `Misfit`. */
export const readFrame = (json: string): ClientFrame => readJson(json, { bytes: maxFrameBytes, read: frameReader });

/** The problem of a message's text, for which the message is refused for good; undefined for a valid one. */
export const textProblem = (value: string): string | undefined => {
  if (value.trim() === "") return "the text is empty";
  return Buffer.byteLength(value) > maxTextBytes ? `the text is longer than ${maxTextBytes} bytes` : undefined;
};
