/** Readers of thrown values. Total: a value that cannot be printed has a message about that. */

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read();
    // equivalent mutant: without its return it returns the same
  } catch {
    return undefined;
  }
};

const textOf = (read: () => unknown): string | undefined => {
  const text = attempt(read);
  return typeof text === "string" ? text : undefined;
};

/** `instanceof` that is false where it would throw, for a revoked proxy. */
export const isOf = <T>(thrown: unknown, kind: abstract new (...args: never[]) => T): thrown is T =>
  attempt(() => thrown instanceof kind) ?? false;

const unprintable = "something that cannot be printed was thrown";

/** characters of a message that reports, logs and answers have of it */
const longestMessage = 8192;

/** A text of at most so many characters; what is cut off is an ellipsis. */
export const shortened = (text: string, characters: number): string =>
  text.length > characters ? `${text.slice(0, characters - 1)}…` : text;

/** The message of an error, the text of any other value: 8192 characters of it at most. */
export const messageOf = (thrown: unknown): string =>
  shortened(textOf(() => (thrown instanceof Error ? String(thrown.message) : String(thrown))) ?? unprintable, longestMessage);

/** The name of an error: `AbortError`. */
export const nameOf = (thrown: unknown): string | undefined => textOf(() => (thrown as { name?: unknown }).name);

/** A code of Stargazer's own, if there is one. */
export const ownCodeOf = (thrown: unknown): string | undefined => {
  const code = textOf(() => (thrown as { code?: unknown }).code);
  return code?.startsWith("SG_ERR_") ? code : undefined;
};

/** What an error advises to do, if it does. */
export const adviceOf = (thrown: unknown): string | undefined => textOf(() => (thrown as { advice?: unknown }).advice);
