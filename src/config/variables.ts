/** Every variable of the environment that is not an option of a service. A test fails for a variable that has no row here. */
import type { Variable } from "../environment.ts";
import { fromEnvironment } from "../environment.ts";

/** The reader of a variable: every service, a tier, or the command line. */
export type VariableReader = "services" | "gateway" | "inference" | "agents" | "consolidation" | "web" | "up" | "commands";

export interface VariableRow {
  readonly variable: Variable;
  /** the default, in words */
  readonly fallback: string;
  readonly readBy: readonly VariableReader[];
  readonly meaning: string;
  /** its value is never shown */
  readonly secret?: boolean;
}

const http: readonly VariableReader[] = ["gateway", "web"];

export const variableRows: readonly VariableRow[] = [
  {
    variable: "SG_VERSION",
    fallback: "the version of the program's package",
    readBy: ["services"],
    meaning: "the version in the registry entry",
  },
  {
    variable: "SG_FLIGHT_DIR",
    fallback: "a folder of this user below that for temporary files",
    readBy: ["services"],
    meaning: "where the recording of a failed stop is written",
  },
  {
    variable: "SG_TERMINATION_LOG",
    fallback: "/dev/termination-log",
    readBy: ["services"],
    meaning: "where the first cause of a failure is written, if the file is there: Kubernetes' `terminationMessagePath`",
  },
  {
    variable: "NOTIFY_SOCKET",
    fallback: "none",
    readBy: ["services"],
    meaning: "set by systemd for `Type=notify`",
  },
  {
    variable: "WATCHDOG_USEC",
    fallback: "none",
    readBy: ["services"],
    meaning: "set by systemd for `WatchdogSec=`, with `WATCHDOG_PID`",
  },
  { variable: "WATCHDOG_PID", fallback: "none", readBy: ["services"], meaning: "the process that the watchdog is for" },
  {
    variable: "pm_id",
    fallback: "none",
    readBy: ["services"],
    meaning: "set by pm2, whose message `shutdown` (`--shutdown-with-message`) is then a stop",
  },
  {
    variable: "SG_INSPECT",
    fallback: "off",
    readBy: ["commands"],
    meaning: "`run` serves the inspector: 1, a port, `stately` or `ws://URL`",
  },
  {
    variable: "SG_TOKEN",
    fallback: "none",
    readBy: http,
    meaning: "what every request needs: 32 to 256 characters",
    secret: true,
  },
  { variable: "SG_HTTP_HOST", fallback: "127.0.0.1", readBy: http, meaning: "where page and gateway listen" },
  { variable: "SG_GATEWAY_PORT", fallback: "8080", readBy: ["gateway"], meaning: "0 picks a free one" },
  { variable: "SG_WEB_PORT", fallback: "8090", readBy: ["web"], meaning: "0 picks a free one" },
  {
    variable: "SG_CHAT_PUBLIC",
    fallback: "0",
    readBy: http,
    meaning: "1: the chat of the gateway needs no token",
  },
  {
    variable: "SG_WEB_ORIGINS",
    fallback: "none",
    readBy: ["gateway"],
    meaning: "origins, separated by commas, whose pages may chat",
  },
  {
    variable: "XMPP_JID",
    fallback: "none",
    readBy: ["gateway"],
    meaning: "the account as which the gateway chats over XMPP, `bot@example.org`; needs `@xmpp/client`",
  },
  { variable: "XMPP_PASSWORD", fallback: "none", readBy: ["gateway"], meaning: "the password of that account", secret: true },
  {
    variable: "XMPP_SERVICE",
    fallback: "found by the domain of the account",
    readBy: ["gateway"],
    meaning: "the XMPP server: `xmpp://host:5222`, `xmpps://host:5223` or `wss://host/ws`",
  },
  { variable: "SG_AGENTS_INTERVAL_MS", fallback: "10000", readBy: ["agents"], meaning: "ms between two summaries" },
  { variable: "SG_CONSOLIDATION_INTERVAL_MS", fallback: "60000", readBy: ["consolidation"], meaning: "ms between two passes" },
  {
    variable: "OPENAI_BASE_URL",
    fallback: "none: an offline responder answers",
    readBy: ["inference"],
    meaning: "the endpoint of a model, http or https",
  },
  { variable: "OPENAI_API_KEY", fallback: "none", readBy: ["inference"], meaning: "sent to that endpoint", secret: true },
  { variable: "OPENAI_MODEL", fallback: "gpt-4o-mini", readBy: ["inference"], meaning: "the model that is asked for" },
  { variable: "OPENAI_TIMEOUT_MS", fallback: "60000", readBy: ["inference"], meaning: "ms for one answer of the model" },
  {
    variable: "SG_MEMORY_TOKENS",
    fallback: "3000",
    readBy: ["inference"],
    meaning: "how much of a conversation is sent with a message; 0 for none",
  },
  {
    variable: "SG_REDIS_MAXMEMORY",
    fallback: "256mb",
    readBy: ["up"],
    meaning: "the bound of the memory of the Redis that `up` starts; 0 for none",
  },
  {
    variable: "XDG_RUNTIME_DIR",
    fallback: "the folder for temporary files",
    readBy: ["up", "commands"],
    meaning: "where other shells find a fleet",
  },
  { variable: "NO_COLOR", fallback: "colours on a terminal", readBy: ["commands"], meaning: "no colours" },
  {
    variable: "SG_COMPILE_CACHE",
    fallback: "1",
    readBy: ["services", "commands"],
    meaning: "0: no compiled code is kept for the next start, on Node 22 and newer",
  },
  {
    variable: "SG_JOURNAL",
    fallback: "1",
    readBy: ["services", "up"],
    meaning: "0: nothing is written to the journal, and no stop is counted",
  },
  {
    variable: "NODE_OPTIONS",
    fallback: "none",
    readBy: ["commands"],
    meaning: "Node's own; what it preloads has the commands run from plain modules",
  },
  {
    variable: "SG_SUPERVISED",
    fallback: "0",
    readBy: ["services"],
    meaning: "set by `up` for its processes, which then stop with it; not for you",
  },
];

/** A variable, the value in force, and whether the environment has it. */
export interface EffectiveVariable extends Omit<VariableRow, "secret"> {
  /** null where it is not set; a secret is hidden */
  readonly value: string | null;
}

const hidden = "(hidden)";

/** A URL of HTTP may carry a password, in its user or its query. */
const shownText = (text: string): string => {
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(text)) return text;
  if (!URL.canParse(text)) return hidden;
  const { origin, protocol, host, pathname } = new URL(text);
  return origin === "null" ? `${protocol}//${host}${pathname}` : `${origin}${pathname}`;
};

const effective = ({ secret = false, ...row }: VariableRow): EffectiveVariable => {
  const text = fromEnvironment(row.variable);
  return { ...row, value: text === undefined ? null : secret ? hidden : shownText(text) };
};

/** Every variable, or those that are read by `readers`. */
export const effectiveVariables = (readers?: readonly VariableReader[]): readonly EffectiveVariable[] =>
  variableRows.filter(({ readBy }) => readers === undefined || readBy.some((one) => readers.includes(one))).map(effective);
