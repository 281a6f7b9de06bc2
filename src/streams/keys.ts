/** The keys of consumer groups; the streams themselves are named by the caller. */
import { keysBehind } from "../redis/keys.ts";

export interface StreamKeys {
  /** stream: messages that failed too often */
  readonly deadLetters: string;
}

export const streamKeys = keysBehind<StreamKeys>((prefix) => ({ deadLetters: `${prefix}sg:stream:dlq` }));
