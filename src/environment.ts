/** The one place where `process.env` is read. */

/**
 * The variable's value without blanks around it: a secret that was made with `echo` ends with the end of a line. Absent and empty are
 * the same; nothing but blanks stays as it is, and is refused where it is no value. What Kubernetes writes for a Service is no value.
 */
export const fromEnvironment = (name: string): string | undefined => {
  const value = process.env[name];
  if (value !== undefined && isServiceLink(name, value)) return undefined;
  return value?.trim() || value || undefined;
};

/** Kubernetes has `SG_WEB_PORT=tcp://10.0.0.1:80` in each pod beside a Service named sg-web, unless the pod sets that variable itself. */
const isServiceLink = (name: string, value: string): boolean => {
  const service = /^(.+)_PORT$/.exec(name)?.[1];
  return service !== undefined && process.env[`${service}_SERVICE_HOST`] !== undefined && /^(?:tcp|udp|sctp):\/\//.test(value);
};

/** The whole number that a variable's text stands for. Digits only, else NaN: a blank is no zero, and `0x50` no port. */
export const numberIn = (text: string): number => (/^\d{1,16}$/.test(text.trim()) ? Number(text) : Number.NaN);

/** What a child process is given: everything that this one was, and `own` over it; `undefined` takes a variable away. */
export const inheritedEnvironment = (own: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv => ({
  ...process.env,
  ...own,
});

/** The variables by which a foreign program finds its files and libraries; no settings and no secrets of a fleet. */
export const foreignEnvironment = (): NodeJS.ProcessEnv => {
  const needed = ["PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH"];
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => needed.includes(name)));
};

/** Removes variables from the environment of this process, so that they have no effect on the figures of a deployment. */
export const forgetVariables = (names: Iterable<string>): void => {
  for (const name of names) delete process.env[name];
};
