/** What anything that was thrown says of itself. Total: a value that cannot even be printed is named as such. */

const attempt = (read: () => unknown): string | undefined => {
  try {
    const text = read();
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
};

const unprintable = "something that cannot be printed was thrown";

/** The message of an error, the text of anything else. */
export const messageOf = (thrown: unknown): string =>
  attempt(() => (thrown instanceof Error ? String(thrown.message) : String(thrown))) ?? unprintable;

/** The name of an error: `AbortError`. */
export const nameOf = (thrown: unknown): string | undefined => attempt(() => (thrown as { name?: unknown }).name);

/** A code of Stargazer's own, if there is one. */
export const ownCodeOf = (thrown: unknown): string | undefined => {
  const code = attempt(() => (thrown as { code?: unknown }).code);
  return code?.startsWith("SG_ERR_") ? code : undefined;
};
