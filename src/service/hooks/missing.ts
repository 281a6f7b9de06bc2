/** The three hooks that a class has to have, and the one that it may have. */

/** What is wrong with the hooks of a class in plain JavaScript, since no compiler checks it. */
export const missingHooks = (service: object): string[] => {
  const hooks = ["onStart", "run", "onStop"] as const;
  const missing = hooks.filter((name) => typeof (service as Record<string, unknown>)[name] !== "function");
  const { onDrain } = service as Record<string, unknown>;
  return [
    ...(missing.length === 0 ? [] : [`the class has no ${missing.join(", ")}: a service has all three`]),
    ...(onDrain === undefined || typeof onDrain === "function" ? [] : ["onDrain of the class is no function"]),
  ];
};
