/** Whether a value is an object, and bounds for what is in it. */

/** Whether `value` is an object with names and values: not null, no list. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Whether JSON has at most so many levels of objects and lists, and no key `__proto__`, which sets a prototype where it is assigned.
 * It looks no deeper than that.
 */
export const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== "object" ||
  value === null ||
  (levels > 0 && !Object.hasOwn(value, "__proto__") && Object.values(value).every((own) => isShallow(own, levels - 1)));
