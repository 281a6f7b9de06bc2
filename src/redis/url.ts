/** Redis URLs: what is wrong with one, and how one is shown. */

const protocols = ["redis:", "rediss:"];
const hidden = "***";
const isDatabase = (path: string): boolean => /^\/?\d*$/.test(path);

/**
 * The URL as a log may show it: scheme, user, host, port, database and socket path. All else is left out, because a password with
 * an unescaped character in it spills into the path, the query or the fragment. A text that is no URL is not repeated at all.
 */
export const redactUrl = (text: string): string => {
  if (!URL.canParse(text)) return "(not a URL)";
  const { protocol, username, password, host, pathname, searchParams } = new URL(text);
  const user = password ? `${username}:${hidden}@` : username ? `${hidden}@` : "";
  const database = isDatabase(pathname) ? pathname : `/${hidden}`;
  const socket = searchParams.get("path");
  return `${protocol}//${user}${host}${database}${socket === null ? "" : `?path=${socket}`}`;
};

/** Why `text` cannot be opened as a Redis URL, in words that never contain its password; undefined if it can. */
export const redisUrlProblem = (text: string): string | undefined => {
  if (!URL.canParse(text)) return "is not a URL; write redis://host:6379 or rediss://user:password@host:6379/0";
  const url = new URL(text);
  if (!protocols.includes(url.protocol)) return "must begin with redis:// or rediss://";
  if (!url.hostname && !url.searchParams.has("path")) return "names no host; write redis://host:6379";
  if (!isDatabase(url.pathname))
    return "has something else than the number of a database after the host; percent-encode the password";
  if (!decodes(url.username) || !decodes(url.password)) return "has a user or password that is not percent-encoded";
  return undefined;
};

const decodes = (part: string): boolean => {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
};
