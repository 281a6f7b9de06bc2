/** Telling an object from everything else that JSON or a caller may give. */

/** Whether `value` is an object with names and values: not null, no list. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
