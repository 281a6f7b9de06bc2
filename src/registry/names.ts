/** What a service and an instance may be called: their names become parts of keys. */

const longest = { service: 64, instance: 128 } as const;
export type NameKind = keyof typeof longest;

/** bytes that no name exceeds: a character has three at most */
export const nameLimitBytes = 3 * longest.instance;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const refused = /[:{}\s\u0000-\u001f\u007f-\u009f\p{Surrogate}]/u;

/** Why `value` cannot be the name of a service or an instance, in words that follow the name of the option; undefined if it can. */
export const nameProblem = (kind: NameKind, value: unknown): string | undefined => {
  if (typeof value !== "string") return `must be a string, not ${value === null ? "null" : typeof value}`;
  if (value === "") return "must not be empty";
  if (value.length > longest[kind]) return `must have at most ${longest[kind]} characters, it has ${value.length}`;
  const bad = refused.exec(value)?.[0];
  if (bad !== undefined) return `must not contain ${JSON.stringify(bad)}: no colon, braces, white space or control characters`;
  return undefined;
};
