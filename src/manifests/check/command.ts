/** Whether a command passes signals on to the service: npx, npm and a shell in front of it do not. */

const basename = (word: string): string => word.split(/[\\/]/).at(-1) ?? "";
const runners = /^(?:npx|npm|pnpm|yarn|yarnpkg|bunx|nodemon)$/;
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
  if (runners.test(name))
    return `${name} stands in front of the service and passes no signal on: start node itself, or node_modules/.bin/stargazer`;
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
