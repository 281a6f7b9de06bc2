/** The three hooks that a class has to have. */

/** The hooks that a class in plain JavaScript lacks, since no compiler checks it; empty if it has all three. */
export const missingHooks = (service: object): string[] => {
  const hooks = ["onStart", "run", "onStop"] as const;
  const missing = hooks.filter((name) => typeof (service as Record<string, unknown>)[name] !== "function");
  return missing.length === 0 ? [] : [`the class has no ${missing.join(", ")}: a service has all three`];
};
