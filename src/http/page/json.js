// @ts-check
/** What a page reads: bounded, and never an exception. */

/** characters of one message; longer than any that a server of ours sends */
const longest = 1_048_576;

/**
 * The object that the text is; undefined where it is too long, no JSON or no object.
 *
 * @param {unknown} text
 * @returns {any}
 */
export const readObject = (text) => {
  if (typeof text !== "string" || text.length > longest) return undefined;
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
};
