/** Why Redis could not be used, as one clause of a message, without secrets. */

interface Detailed {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly lastNodeError?: unknown;
}

const codes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection closed by the server (is maxclients reached?)",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "host name not resolved",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOENT: "no such socket",
  EACCES: "no permission for the socket",
};

const replies: readonly (readonly [RegExp, string])[] = [
  [/^WRONGPASS|invalid (username-)?password/i, "wrong user or password"],
  [/^NOAUTH|authentication required/i, "a password is required"],
  [/^NOPERM/, "the user may not do this"],
  [/^LOADING/, "loading its data"],
  [/^READONLY/, "a read-only replica"],
  [/^MASTERDOWN/, "a replica without its master"],
  [/DB index/, "there is no such database"],
  [/max number of clients/i, "its maximum of clients is reached"],
  [/^Command timed out|^Socket timeout/, "no answer in time"],
  [/^Connection is closed/, "connection closed"],
  [/^None of startup nodes/, "no node of the cluster answers"],
  [/enableOfflineQueue/, "not connected"],
];

/** One clause: `connection refused`, `wrong user or password`, else the error's own message. */
export const reasonOf = (error: unknown): string => {
  const { code, message, lastNodeError } = (error ?? {}) as Detailed;
  if (lastNodeError !== undefined) return `no node of the cluster answers: ${reasonOf(lastNodeError)}`;
  const known = typeof code === "string" ? codes[code] : undefined;
  if (known !== undefined) return known;
  const text = String(message ?? error);
  return replies.find(([pattern]) => pattern.test(text))?.[1] ?? text;
};

/** The same error without its command: an ioredis error has the command that failed, and HELLO and AUTH have the password in them. */
export const withoutCommand = (error: unknown): unknown => {
  if (!(error instanceof Error) || !("command" in error)) return error;
  const { name, message, stack } = error;
  return Object.assign(new Error(message), { name, stack });
};
