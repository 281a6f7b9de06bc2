/**
 * What an answer writes: a line in the log of its conversation, and an entry on the outbound stream of its platform that carries the
 * id of that line. The message no longer counts as unanswered. The commands are run by the script that settles the message, so all of
 * it is written once, or nothing.
 */
import { StargazerError } from "../../errors.ts";
import type { RedisClient } from "../../redis/client.ts";
import type { Command, Writes } from "../../redis/commands.ts";
import { firstReply } from "../../redis/commands.ts";
import type { Inbound, Outbound } from "./envelope.ts";
import { problemOf } from "./envelope.ts";
import { messageKeys } from "./keys.ts";
import { carrying } from "./traced.ts";

/** The writer of a line of a conversation: its author, the responder, or the system. */
export type Role = "user" | "assistant" | "notice";

/** the last lines that the log of a conversation keeps, approximately */
export const logLength = 500;
/** ms after its last line until the log of a conversation expires: 30 days */
export const logKeptMs = 30 * 86_400_000;

/** Writes one line to the log of a conversation. Its reply is the id of the line, the cursor of a reader of the log. */
export const logCommand = (log: string, fields: Readonly<Record<string, string | number>>): Command => [
  ...["XADD", log, "MAXLEN", "~", logLength, "*"],
  ...Object.entries(fields).flat(),
];

type Addressed = Pick<Inbound, "id" | "platform" | "channel" | "traceparent">;

export interface AnswerText {
  /** at most 16 KiB of UTF-8, not blank */
  readonly text: string;
  /** ms since the epoch */
  readonly at: number;
  /** the way of the answer, for the log of the conversation */
  readonly way?: AnswerWay;
}

/** Which instance answers, and in which attempt: 1 for the first. */
export interface AnswerWay {
  readonly by: string;
  readonly attempts: number;
}

const writes = (client: Pick<RedisClient, "isCluster">, answer: Line): Writes => {
  const { id, role, author, to, platform, channel, text, at, traceparent, way } = answer;
  const problem = problemOf({ id, platform, channel, text, to, at, role });
  if (problem !== undefined) throw new StargazerError("SG_ERR_MESSAGE_INVALID", `the answer cannot be written: ${problem}`);
  const keys = messageKeys(client);
  const [log, outbound] = [keys.log(platform, channel), keys.outbound(platform)];
  const [open, allOpen] = [keys.open(platform, channel), keys.allOpen];
  const entry = { id, to, platform, channel, text, at, role, log: firstReply, ...carrying(traceparent) };
  return {
    keys: [log, outbound, open, allOpen],
    commands: [
      logCommand(log, { role, id, author, text, at, to, ...way }),
      ["XADD", outbound, "*", ...Object.entries(entry).flat()],
      ["PEXPIRE", log, logKeptMs],
      ["SREM", open, to],
      ["ZREM", allOpen, to],
    ],
  };
};

interface Line extends AnswerText, Addressed {
  readonly role: Outbound["role"];
  readonly author: string;
  readonly to: string;
}

const addressOf = ({ id, platform, channel, traceparent }: Addressed): Addressed => ({
  ...{ id, platform, channel },
  ...carrying(traceparent),
});

/** The commands that write the answer to a message. Throws `SG_ERR_MESSAGE_INVALID` for a text that is blank or too long. */
export const answerWrites = (client: Pick<RedisClient, "isCluster">, message: Addressed, answer: AnswerText): Writes => {
  const { id: to, ...place } = addressOf(message);
  return writes(client, { ...place, id: `re:${to}`, role: "assistant", author: "stargazer", to, ...answer });
};

/** What a line of the responder writes that is no answer: `id` is its own, and `to` the message that was the reason for it. */
export const remarkWrites = (
  client: Pick<RedisClient, "isCluster">,
  place: Addressed & Pick<Line, "to">,
  { text, at }: AnswerText,
): Writes => writes(client, { ...place, role: "assistant", author: "stargazer", text, at });

const notAnswered = "This message could not be answered. Please send it again later.";

/** The notice to the author of a message that has become a dead letter. It does not have the reason, which is for operators. */
export const noticeWrites = (
  client: Pick<RedisClient, "isCluster">,
  message: Addressed,
  { text = notAnswered, at }: Partial<AnswerText> & Pick<AnswerText, "at">,
): Writes => {
  const { id: to, ...place } = addressOf(message);
  return writes(client, { ...place, id: `no:${to}`, role: "notice", author: "stargazer", to, text, at });
};
