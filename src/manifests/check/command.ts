/** What the command of a container or a unit does with signals, and what it asks for. */

const basename = (word: string): string => word.split(/[\\/]/).at(-1) ?? "";
const runners = /^(?:npx|npm|pnpm|yarn|yarnpkg|corepack|bunx|nodemon)$/;
const managers = /^pm2(?:-(?:runtime|docker))?$/;
const shells = /^(?:ba|da|a|z|k)?sh$/;
/** a program that replaces itself by the command behind it, or that passes signals on */
const transparent =
  /^(?:env|exec|tini|dumb-init|nice|ionice|chrt|taskset|setpriv|gosu|su-exec|catatonit|busybox|stdbuf|timeout)$/;

const skipped = (word: string): boolean => word.startsWith("-") || /^\w+=/.test(word) || transparent.test(basename(word));

/** The words of a shell's text, roughly: quotes are kept together. */
export const wordsOf = (text: string): string[] =>
  [...text.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? "");

const problemOfScript = (script: string): string | undefined => {
  const last = script
    .trim()
    .split(/\s*(?:&&|\|\||;|\n)\s*/)
    .filter((part) => part !== "")
    .at(-1);
  const words = wordsOf(last ?? "");
  if (basename(words[0] ?? "") !== "exec")
    return "a shell stands in front of the service and passes no signal on: write `exec` before the last command, or the command without a shell";
  return problemOfWords(words.slice(1));
};

/** The program that keeps signals from the service; undefined if there is none or the command is unknown. */
export const problemOfWords = (words: readonly string[]): string | undefined => {
  const at = words.findIndex((word) => !skipped(word));
  const [program = "", ...rest] = at < 0 ? [] : words.slice(at);
  const name = basename(program);
  const runner = runners.test(name) ? name : name === "node" && rest[0]?.startsWith("--run") ? "node --run" : undefined;
  if (runner !== undefined)
    return `${runner} stands in front of the service and passes no signal on: start node itself, or node_modules/.bin/stargazer`;
  if (managers.test(name) && !rest.some((word) => word.startsWith("--kill-timeout")))
    return `${name} kills the service 1.6 s after the signal that stops it: start node itself, or set --kill-timeout`;
  if (!shells.test(name)) return undefined;
  const script = rest.findIndex((word) => /^-\w*c\w*$/.test(word));
  return script < 0 ? undefined : problemOfScript(rest[script + 1] ?? "");
};

/** Seconds that a command sleeps; 0 where it does not. */
export const sleepSeconds = (words: readonly string[]): number => {
  const found = /(?:^|[\s;&|/])sleep\s+(\d+(?:\.\d+)?)([smh]?)/.exec(words.join(" "));
  const unit = { m: 60, h: 3600 }[found?.[2] ?? ""] ?? 1;
  return found === null ? 0 : Number(found[1]) * unit;
};

/** Whether a command sends SIGKILL. */
export const killsBy = (words: readonly string[]): boolean =>
  /(?:^|[\s;&|/])(?:p|sk)?kill(?:all)?\s(?:.*\s)?-(?:s|n|-signal)?[\s=]*(?:9|(?:SIG)?KILL)\b/i.test(words.join(" "));

/** What a command asks a server of its own container for; `port` is NaN where a variable has it. */
export interface Asked {
  readonly port: number;
  readonly path: string;
}

const request = /(https?:\/\/)?(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::([^/\s'"`]*))?(\/[\w./-]*)?/g;

/** The first request to loopback, by curl, wget or a line of JavaScript; undefined if there is none. */
export const askedBy = (words: readonly string[]): Asked | undefined => {
  const text = words.join(" ");
  for (const [, scheme, port, path] of text.matchAll(request)) {
    if (scheme === undefined && (port === undefined || !/\b(?:curl|wget)\b/.test(text))) continue;
    const asked = port === undefined ? (scheme === "https://" ? 443 : 80) : /^\d+$/.test(port) ? Number(port) : Number.NaN;
    return Number.isNaN(asked) && path === undefined ? undefined : { port: asked, path: path ?? "/" };
  }
  return undefined;
};
