/** Text from outside, made harmless for a terminal: no control character (C0 and C1) and no invisible one (bidi controls) is left. */

/** breaks of a line and tabs; a line stays one line */
const space = /\r\n|[\t\n\v\f\r\u0085\u2028\u2029]/g;
/** those that move a cursor, change a title or reorder what is shown, and halves of characters */
const harmful = /[\p{Cc}\p{Cf}\p{Cs}]/gu;

/** One line of it. */
export const cleanLine = (text: string): string => text.replace(space, " ").replace(harmful, "");

/** Each line of it. */
export const cleanLines = (text: string): string[] => text.split(/\r?\n/).map(cleanLine);

const escapeOf = (sign: string): string =>
  Array.from({ length: sign.length }, (_, at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, "0")}`).join("");

/** JSON that means the same, with such characters escaped: `JSON.stringify` leaves those above U+007E as they are. */
export const escaped = (json: string): string => json.replace(/[\u007f-\u009f\p{Cf}\u2028\u2029]/gu, escapeOf);
