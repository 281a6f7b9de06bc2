/** Why Redis could not be used, as one clause of a message, without secrets. */
import { nameOf } from "../../machines/thrown.ts";
import { tlsFailure } from "./tls.ts";

interface Detailed {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly lastNodeError?: unknown;
  readonly denied?: Denied;
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
  [/^LOADING/, "loading its data"],
  [/^READONLY/, "a read-only replica"],
  [/^MASTERDOWN/, "a replica without its master"],
  [/DB index/, "there is no such database"],
  [/max number of clients/i, "its maximum of clients is reached"],
  [/^Command timed out|^Socket timeout/, "no answer in time"],
  [/^Connection is closed/, "connection closed"],
  // of ioredis, for a command whose connection broke before the reply
  [/^Reached the max retries per request/, "connection lost"],
  [/^None of startup nodes/, "no node of the cluster answers"],
  // a TLS alert, which ioredis reads as a reply
  [/^Unknown RESP type 21 /, "its port speaks TLS only"],
  [/enableOfflineQueue/, "not connected"],
  [/^OOM/, "its memory is full (maxmemory), and it takes no writes that grow it"],
  [/^MISCONF/, "it cannot save to its disk, and takes no writes (stop-writes-on-bgsave-error)"],
  [/^NOREPLICAS/, "it has too few replicas, and takes no writes (min-replicas-to-write)"],
  [/^CLUSTERDOWN/, "the cluster is down"],
  [/^BUSY /, "busy with a script"],
  [/undeclared key/, "its scripts may use only keys that they declare"],
  [/^DENIED .*protected mode/, "in protected mode, which refuses other machines"],
  [/Replica can't interact with the keyspace/, "the client is in MONITOR mode"],
];

/** What to do, by the clause or the message. */
const advices: readonly (readonly [RegExp, string])[] = [
  [/speaks TLS only/, "Write rediss:// instead of redis://, or pass a client with the option tls."],
  [/wrong user or password|a password is required/, "Write both into the URL: redis://user:password@host:6379."],
  [/its user may not/, "Grant it to the user with ACL SETUSER."],
  [/read-only replica|without its master/, "Name the master."],
  [/maximum of clients|is maxclients reached/, "Raise maxclients, or find out what does not close its connections."],
  [/loading its data/, "Wait for it, or raise pingAttempts."],
  [/cannot save to its disk/, "Its log names the reason: the disk may be full, or the folder of `dir` gone."],
  [/too few replicas/, "Wait for a replica, or lower min-replicas-to-write."],
  [/cluster is down/, "CLUSTER INFO of a node names the slots that are not served."],
  [/busy with a script/, "Wait for the script, or end it with SCRIPT KILL."],
  [/protected mode/, "Give it a password, or turn protected-mode off where its network is closed to others."],
  [/only keys that they declare/, "Start Dragonfly with --default_lua_flags=allow-undeclared-keys."],
  [/in MONITOR mode/, "Pass a client that is not."],
  [/no such database/, "Name one that it has: its setting databases is their number, and the first is 0."],
  [
    /does not know/,
    "The command is renamed or turned off there (rename-command), or a proxy does not pass it: allow it, or name another Redis.",
  ],
];

/** One sentence that fits the reason; undefined where there is only the question whether it runs. An error reply comes from one that runs. */
export const adviceFor = (reason: string, error?: unknown): string | undefined =>
  tlsFailure((error as Detailed | undefined)?.lastNodeError ?? error)?.advice ??
  advices.find(([pattern]) => pattern.test(reason))?.[1] ??
  (nameOf(error) === "ReplyError" ? "It is running, and answers so." : undefined);

/** The error reply to a command in a script, without the place in the script: before version 7 that stands before it, since 7 behind. */
const withoutScript = (text: string): string =>
  text
    .replace(/ script: [0-9a-f]{40}, on @\w+:\d+\.?$/, "")
    .replace(/^(?:ERR Error running script .*?: @\w+:\d+: )?@\w+: ?\d+: -?/, "")
    .trim();

/** One clause: `connection refused`, `wrong user or password`, else the error's own message. */
export const reasonOf = (error: unknown): string => {
  const { code, message, lastNodeError, denied } = (error ?? {}) as Detailed;
  if (lastNodeError !== undefined) return `no node of the cluster answers: ${reasonOf(lastNodeError)}`;
  const known = (typeof code === "string" ? codes[code] : undefined) ?? tlsFailure(error)?.clause;
  if (known !== undefined) return known;
  const text = withoutScript(String(message ?? error));
  const unknown = unknownCommandIn(text);
  if (unknown !== undefined) return `it does not know ${unknown}`;
  if (text.startsWith("NOPERM")) return deniedReason(text, denied ?? deniedIn(error));
  return replies.find(([pattern]) => pattern.test(text))?.[1] ?? text;
};

/** As Redis says it, in a script too, and proxies and hosted servers for it. */
const unknownCommand = /(?:unknown|unsupported) (?:redis )?command|command is not available/i;

/** Whether the server does not have the command, by its reply. */
export const isUnknownCommand = (text: string): boolean => unknownCommand.test(text);

/** The command that the server does not have, by its reply. */
const unknownCommandIn = (text: string): string | undefined =>
  /^(?:ERR )?(?:unknown command|unsupported command|command is not available:) ['`]?(\w+)/i.exec(text)?.[1]?.toUpperCase();

/** What a refused user wanted to do, without any value. */
interface Denied {
  readonly command: string;
  readonly key: string | undefined;
}

const withoutKeys = new Set(["hello", "auth", "acl", "client", "info", "ping", "config"]);

const deniedIn = (error: unknown): Denied | undefined => {
  const { command } = (error ?? {}) as { command?: { name?: string; args?: readonly unknown[] } };
  if (command?.name === undefined) return undefined;
  const { name, args = [] } = command;
  const isScript = name.startsWith("eval") || name.startsWith("fcall");
  const key = withoutKeys.has(name) ? undefined : isScript ? (Number(args[1]) > 0 ? args[2] : undefined) : args[0];
  return { command: name.toUpperCase(), key: key === undefined ? undefined : String(key).slice(0, 200) };
};

const deniedReason = (text: string, denied: Denied | undefined): string => {
  const named = /'([^']+)' command/.exec(text)?.[1]?.toUpperCase();
  if (named !== undefined) return `its user may not run ${named}`;
  const by = denied === undefined ? "" : ` (${denied.command})`;
  if (/key/.test(text)) return denied?.key === undefined ? text : `its user may not use the key ${denied.key}${by}`;
  return `${text}${by}`;
};

/**
 * The same error without its command: an ioredis error has the command that failed, and HELLO and AUTH have the password in them, EVAL
 * a whole script. What the user was refused stays.
 */
export const withoutCommand = (error: unknown): unknown => {
  if (!(error instanceof Error) || !("command" in error)) return error;
  const { name, message, stack } = error;
  const denied = message.startsWith("NOPERM") ? { denied: deniedIn(error) } : {};
  return Object.assign(new Error(message), { name, stack, ...denied });
};
