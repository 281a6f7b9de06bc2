/** Redis URLs: what is wrong with one, how one is shown, and how one names a unix socket. */

const protocols = ["redis:", "rediss:"];
const hidden = "***";
const socketForm = "redis://localhost?path=/run/redis.sock";
const isDatabase = (path: string): boolean => /^\/?\d*$/.test(path);

/** Parsed once; `URL.canParse` before it would parse it twice. */
const parsed = (text: string): URL | undefined => {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
};

/** The longest path of a socket, in bytes: the kernel's `sun_path` without its terminating zero. */
export const maxSocketPathBytes = process.platform === "linux" ? 107 : 103;

/** Who signs in at a server. */
export interface Credentials {
  /** empty for the server's default user */
  readonly user: string;
  readonly password: string;
}

const signIn = ({ user, password }: Credentials): string => `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;

/**
 * The URL of a server that listens on a unix socket, in the one form that ioredis has for it with a password:
 * `redis://:password@localhost?path=/run/redis.sock`. The host is not used; a URL with a password must have one.
 */
export const socketUrl = (path: string, credentials: Credentials): string =>
  `redis://${signIn(credentials)}@localhost?path=${encodeURIComponent(path)}`;

/** The URL of a server that listens on a port of 127.0.0.1. */
export const portUrl = (port: number, credentials: Credentials): string => `redis://${signIn(credentials)}@127.0.0.1:${port}`;

/**
 * The URL as a log may show it: scheme, user, host, port, database and socket path. All else is left out, because a password with
 * an unescaped character in it spills into the path, the query or the fragment. A text that is no URL is not repeated at all.
 */
export const redactUrl = (text: string): string => {
  const url = parsed(text);
  if (url === undefined) return "(not a URL)";
  const { protocol, username, password, host, pathname, searchParams } = url;
  const user = password ? `${username}:${hidden}@` : username ? `${hidden}@` : "";
  const database = isDatabase(pathname) ? pathname : `/${hidden}`;
  const socket = searchParams.get("path");
  return `${protocol}//${user}${host}${database}${socket === null ? "" : `?path=${encodeURI(socket).replace(/[#?&+]/g, encodeURIComponent)}`}`;
};

/** Why `text` cannot be opened as a Redis URL, in words that never contain its password; undefined if it can. */
export const redisUrlProblem = (text: string): string | undefined => {
  const url = parsed(text);
  // ioredis does not accept a scheme after a blank
  if (/^\s/.test(text)) return "begins with a blank";
  if (/^["']/.test(text)) return "begins with a quote: a file for docker's --env-file has values without quotes";
  if (url === undefined)
    return `is not a URL; write redis://host:6379, rediss://user:password@host:6379/0 or, for a unix socket, ${socketForm}`;
  const socket = url.searchParams.get("path");
  if (!protocols.includes(url.protocol)) return `must begin with redis:// or rediss://; a unix socket is ${socketForm}`;
  if (!url.hostname && socket === null) return "names no host; write redis://host:6379";
  if (!isDatabase(url.pathname))
    return "has something else than the number of a database after the host; percent-encode the password";
  if (url.searchParams.has("keyPrefix"))
    return "has a keyPrefix, and the keys of Stargazer have none: leave it out of the URL, and pass a client of your own for keys behind a prefix";
  if (!decodes(url.username) || !decodes(url.password)) return "has a user or password that is not percent-encoded";
  return socket === null ? undefined : socketProblem(socket);
};

const socketProblem = (path: string): string | undefined => {
  if (!path.startsWith("/")) return `names a unix socket without its absolute path; write ${socketForm}`;
  const bytes = Buffer.byteLength(path);
  if (bytes > maxSocketPathBytes)
    return `names a unix socket whose path has ${bytes} bytes, and the system allows ${maxSocketPathBytes}; use a folder with a shorter path`;
  return undefined;
};

/** The result is compared, since bundlers drop a call whose result is unused, also where it is there for its error. */
const decodes = (part: string): boolean => {
  try {
    return typeof decodeURIComponent(part) === "string";
  } catch {
    return false;
  }
};
