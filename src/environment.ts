/** The one place where `process.env` is read, and the names of the variables. */

/** Every variable that is a setting of Stargazer; the documentation has a row for each. */
export const variables = [
  "REDIS_URL",
  "SG_INSTANCE_ID",
  "SG_REDIS_REQUIRED",
  "SG_LOG_LEVEL",
  "SG_VERSION",
  "SG_HEALTH_PORT",
  "SG_HEALTH_HOST",
  "SG_ALLOWED_HOSTS",
  "SG_PROBE_THREAD",
  "SG_READINESS_BLOCK_MS",
  "SG_LIVENESS_BLOCK_MS",
  "SG_BOOT_JITTER_MS",
  "SG_PING_ATTEMPTS",
  "SG_PING_TIMEOUT_MS",
  "SG_START_TIMEOUT_MS",
  "SG_REGISTER_TIMEOUT_MS",
  "SG_HEALTH_TIMEOUT_MS",
  "SG_LEASE_TTL_MS",
  "SG_HEARTBEAT_MS",
  "SG_DRAIN_DELAY_MS",
  "SG_DRAIN_TIMEOUT_MS",
  "SG_STOP_TIMEOUT_MS",
  "SG_SHUTDOWN_TIMEOUT_MS",
  "SG_JOURNAL",
  "SG_FLIGHT_DIR",
  "SG_TERMINATION_LOG",
  "SG_COMPILE_CACHE",
  "SG_SUPERVISED",
  "SG_INSPECT",
  "SG_TOKEN",
  "SG_HTTP_HOST",
  "SG_GATEWAY_PORT",
  "SG_WEB_PORT",
  "SG_CHAT_PUBLIC",
  "SG_WEB_ORIGINS",
  "SG_AGENTS_INTERVAL_MS",
  "SG_CONSOLIDATION_INTERVAL_MS",
  "SG_MEMORY_TOKENS",
  "SG_REDIS_MAXMEMORY",
  "XMPP_JID",
  "XMPP_PASSWORD",
  "XMPP_SERVICE",
  "OPENAI_BASE_URL",
  "OPENAI_API_KEY",
  "OPENAI_MODEL",
  "OPENAI_TIMEOUT_MS",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "pm_id",
  "XDG_RUNTIME_DIR",
  "NO_COLOR",
  "NODE_OPTIONS",
] as const;

/** A variable that is read and in no list does not compile. */
export type Variable = (typeof variables)[number];
/** Of the system and of package managers, whose meaning is theirs. */
type ForeignVariable = "PATH" | "_" | "INIT_CWD" | "npm_lifecycle_event" | "npm_package_version";

/**
 * The variable's value without blanks around it: a secret that was made with `echo` ends with the end of a line. Absent and empty are
 * the same; nothing but blanks stays as it is, and is refused where it is no value. What Kubernetes writes for a Service is no value.
 */
export const fromEnvironment = (name: Variable | ForeignVariable): string | undefined => {
  const value = process.env[name];
  if (value !== undefined && isServiceLink(name, value)) return undefined;
  return value?.trim() || value || undefined;
};

/** Kubernetes has `SG_WEB_PORT=tcp://10.0.0.1:80` in each pod beside a Service named sg-web, unless the pod sets that variable itself. */
const isServiceLink = (name: string, value: string): boolean => {
  const service = /^(.+)_PORT$/.exec(name)?.[1];
  return service !== undefined && process.env[`${service}_SERVICE_HOST`] !== undefined && /^(?:tcp|udp|sctp):\/\//.test(value);
};

/** The variables that Kubernetes and Docker set in each container beside a service `SG_WEB`, whose host they name so. */
const serviceLink = /^(.+?)_(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;
const isOfServiceLink = (name: string): boolean => {
  const [, service] = serviceLink.exec(name) ?? [];
  return service !== undefined && process.env[`${service}_SERVICE_HOST`] !== undefined;
};

/** Whether a name has the form of a variable of Stargazer's own and is none. */
export const isUnknownVariable = (name: string): boolean =>
  name.startsWith("SG_") && !(variables as readonly string[]).includes(name);

/** The names in the environment that are no variables and look like one: a mistyped setting has no effect. */
export const unknownVariables = (): readonly string[] =>
  Object.keys(process.env).filter((name) => isUnknownVariable(name) && !isOfServiceLink(name));

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
