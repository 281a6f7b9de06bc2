/** Whether a value is an object, and bounds for what is in it. */

/** Whether `value` is an object with names and values: not null, no list. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Whether JSON has at most so many levels of objects and lists, and no key `__proto__`, which sets a prototype where it is assigned.
 * It looks no deeper than that.
 */
export const isShallow = (value: unknown, levels: number): boolean => {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  for (const name in value) if (name === "__proto__" || !isShallow(value[name as never], levels - 1)) return false;
  return true;
};
