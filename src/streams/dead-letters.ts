/** What is written of a message that cannot be handled. */
import type { Command } from "../redis/commands.ts";
import type { RawFields } from "./fields.ts";

export interface DeadLetter {
  /** the key of the stream that it was read from, and the group */
  readonly stream: string;
  readonly group: string;
  /** the id of its entry there */
  readonly entry: string;
  /** attempts that were begun */
  readonly attempts: number;
  readonly reason: string;
  readonly fields: RawFields;
}

/** The fields as a JSON list, byte for byte: a byte beyond ASCII stands for itself. */
const jsonOf = (fields: RawFields): Buffer =>
  Buffer.from(JSON.stringify(fields.map((field) => Buffer.from(field).toString("latin1"))), "latin1");

const maxReasonLength = 500;

/** The command that writes a dead letter. */
export const deadLetterCommand = (deadLetters: string, letter: DeadLetter): Command => [
  ...["XADD", deadLetters, "*"],
  ...["stream", letter.stream, "group", letter.group, "entry", letter.entry],
  ...["attempts", letter.attempts, "reason", letter.reason.slice(0, maxReasonLength)],
  ...["fields", jsonOf(letter.fields)],
];
