/** The one place where `process.env` is read. */

/** The variable's value; absent and empty are the same. */
export const fromEnvironment = (name: string): string | undefined => process.env[name] || undefined;
