/** The one place where `process.env` is read. */

/** The variable's value; absent and empty are the same. */
export const fromEnvironment = (name: string): string | undefined => process.env[name] || undefined;

/** What a child process is given: everything that this one was, and `own` over it; `undefined` takes a variable away. */
export const inheritedEnvironment = (own: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...own,
});
