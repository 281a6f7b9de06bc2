/** Words for `redis.conf` and for inline commands, which a server splits at blanks and reads quotes in. */

const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\" };

/** `text` as one word: a path may have blanks, quotes, a hash and line breaks in it. */
export const quoted = (text: string): string => `"${text.replace(/["\\\n\r\t]/g, (sign) => escapes[sign]!)}"`;
