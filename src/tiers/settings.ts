/** The settings of the tiers, from options and the environment; checked in constructors, before anything starts. */
import { initialState } from "../../machines/phases.ts";
import { allowedHostsFromEnvironment, allowedHostsVariable } from "../allowed-hosts.ts";
import type { Variable } from "../environment.ts";
import { fromEnvironment, numberIn } from "../environment.ts";
import { messageOf, StargazerError } from "../errors.ts";
import { createToken, tokenFromEnvironment, tokenProblem, tokenVariable } from "../http/token.ts";
import { isLoopback } from "../loopback.ts";

export const invalid = (variable: Variable, problem: string): StargazerError =>
  new StargazerError("SG_ERR_CONFIG_INVALID", `${variable} ${problem}.`, { phase: initialState });

export interface NumberSetting {
  readonly variable: Variable;
  readonly value: number | undefined;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

/** A whole number: the option, else the environment, else the fallback. Throws `SG_ERR_CONFIG_INVALID`. */
export const readNumber = ({ variable, value, fallback, min, max }: NumberSetting): number => {
  const text = fromEnvironment(variable);
  const number = value ?? (text === undefined ? fallback : numberIn(text));
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw invalid(variable, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(value ?? text)?.slice(0, 80)}`);
};

/** A port: given, or from the environment, or the fallback. Throws `SG_ERR_CONFIG_INVALID`. */
export const readPort = (setting: PortSetting, value?: number): number => readNumber({ ...setting, value, min: 0, max: 65_535 });

/** ms; a day at most */
const readInterval = (variable: Variable, value: number | undefined, fallback: number): number =>
  readNumber({ variable, value, fallback, min: 10, max: 86_400_000 });

/** Where the tiers that serve HTTP listen: loopback, unless `SG_HTTP_HOST` names another address. */
const readHost = (value: string | undefined): string => {
  const host = value ?? fromEnvironment("SG_HTTP_HOST") ?? "127.0.0.1";
  if (/^[\w.:%-]{1,255}$/.test(host)) return host;
  throw invalid("SG_HTTP_HOST", "must be a host name or address");
};

/** An http or https URL, or undefined. The error shows nothing of a refused URL, which may carry a password. */
export const readUrl = (variable: Variable, value: string | undefined): URL | undefined => {
  const text = value ?? fromEnvironment(variable);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw invalid(variable, "must be an http or https URL");
};

/** Names separated by commas. */
export const readList = (variable: Variable): readonly string[] =>
  (fromEnvironment(variable) ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

type Read<Readers> = { [Name in keyof Readers]: Readers[Name] extends () => infer Value ? Value : never };

/** Calls each reader. Throws one `SG_ERR_CONFIG_INVALID` with the problems of all of them. */
export const readAll = <Readers extends Record<string, () => unknown>>(readers: Readers): Read<Readers> => {
  const problems: string[] = [];
  const values = Object.entries(readers).map(([name, read]) => {
    try {
      return [name, read()];
    } catch (error) {
      problems.push(messageOf(error));
      return [name, undefined];
    }
  });
  if (problems.length > 0) throw new StargazerError("SG_ERR_CONFIG_INVALID", problems.join(" "), { phase: initialState });
  return Object.fromEntries(values) as Read<Readers>;
};

/* ---- what each tier reads: an option, else the environment, else the default ---- */

export interface Listening {
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  readonly token?: string | undefined;
  /** checked by the service's constructor */
  readonly allowedHosts?: readonly string[] | undefined;
}

export interface ListeningSettings {
  /** what to do about a port that cannot be listened on */
  readonly advice: string;
  readonly port: number;
  readonly host: string;
  readonly allowedHosts: readonly string[];
  /** that every request needs; undefined where none does */
  readonly token: string | undefined;
}

/** Throws `SG_ERR_CONFIG_INVALID` with every problem. */
export type ReadListening = (given?: Listening) => ListeningSettings;

/** The variable that names a tier's port, and the port without one. */
export interface PortSetting {
  readonly variable: Variable;
  readonly fallback: number;
}

export const gatewayPort: PortSetting = { variable: "SG_GATEWAY_PORT", fallback: 8080 };
export const webPort: PortSetting = { variable: "SG_WEB_PORT", fallback: 8090 };

const readToken = (value: string | undefined): string | undefined => {
  const token = value ?? tokenFromEnvironment();
  const problem = token === undefined ? undefined : tokenProblem(token);
  if (problem !== undefined) throw invalid(tokenVariable, problem);
  return token;
};

type Reached = Pick<ListeningSettings, "host" | "allowedHosts" | "token">;

const publicVariable = "SG_CHAT_PUBLIC";

/** Whether the chat of a gateway needs no token. */
export const isChatPublic = (): boolean => {
  const text = fromEnvironment(publicVariable) ?? "0";
  if (text === "0" || text === "1") return text === "1";
  throw invalid(publicVariable, `must be 1 or 0, not ${JSON.stringify(text.slice(0, 80))}`);
};

/** Throws where other machines would reach the tier and nothing says that this is meant. */
const refuseExposure = ({ host, allowedHosts, token }: Reached): void => {
  if (isLoopback(host) || isChatPublic()) return;
  const missing = [
    ...(token === undefined ? [`${tokenVariable} to a secret of at least 32 characters, which requests then need`] : []),
    ...(allowedHosts.length === 0 ? [`${allowedHostsVariable} to the names or addresses by which it is reached`] : []),
  ];
  if (missing.length === 0) return;
  const problem = `is ${JSON.stringify(host)}, where other machines reach this tier`;
  throw invalid("SG_HTTP_HOST", `${problem}: set ${missing.join(", and ")}; or ${publicVariable}=1 for a chat without a token`);
};

const listeningSettings = (setting: PortSetting, { port, host, token, allowedHosts }: Listening): ListeningSettings => {
  const settings = {
    advice: `Set ${setting.variable} (0 picks a free one) or SG_HTTP_HOST.`,
    ...readAll({
      port: () => readPort(setting, port),
      host: () => readHost(host),
      token: () => readToken(token),
      isPublic: isChatPublic,
    }),
    allowedHosts: allowedHosts ?? allowedHostsFromEnvironment(),
  };
  refuseExposure(settings);
  return settings;
};

/** One sentence where a tier is reached by more than this machine: from where, and what a request needs. */
export const exposureOf = ({ host, allowedHosts, token }: Reached): string | undefined => {
  const names = allowedHosts.length === 0 ? [] : [`under ${allowedHosts.join(", ")}`];
  const from = isLoopback(host) ? names : [`at ${host}`, ...names];
  if (from.length === 0) return undefined;
  const needed = token === undefined ? "and no request needs a token" : "and requests need the token";
  return `it is reached from other machines ${from.join(" and ")}, ${needed}`;
};

/** A public chat needs no token. */
export const gatewaySettings: ReadListening = (given = {}) => {
  const settings = listeningSettings(gatewayPort, given);
  return isChatPublic() ? { ...settings, token: undefined } : settings;
};

/** The fleet is never public: with a public chat and no token of its own, the list of services needs one that no client has. */
export const webSettings: ReadListening = (given = {}) => {
  const settings = listeningSettings(webPort, given);
  return isChatPublic() ? { ...settings, token: settings.token ?? createToken() } : settings;
};

/** An account on an XMPP server. */
export interface XmppSettings {
  /** `xmpp://host:5222`, `xmpps://host:5223` or `wss://host/ws`; undefined: found by the domain of the account */
  readonly service: string | undefined;
  /** `bot@example.org` */
  readonly jid: string;
  readonly password: string;
  /** 1 to 127: of several gateways the one with the highest receives what is sent to the account. Default: random */
  readonly priority?: number;
}

/** The account of the gateway; undefined where none is configured. Throws `SG_ERR_CONFIG_INVALID`. */
export const xmppSettings = (): XmppSettings | undefined => {
  const [service, jid, password] = [
    fromEnvironment("XMPP_SERVICE"),
    fromEnvironment("XMPP_JID"),
    fromEnvironment("XMPP_PASSWORD"),
  ];
  if (jid === undefined) return undefined;
  if (!/^[^@/\s]{1,100}@[^@/\s]{1,100}$/.test(jid)) throw invalid("XMPP_JID", "must be an account as bot@example.org");
  if (password === undefined) throw invalid("XMPP_PASSWORD", "is missing: XMPP_JID names an account");
  if (service !== undefined && !/^(xmpps?|wss?):\/\/[^\s]{1,250}$/.test(service))
    throw invalid("XMPP_SERVICE", "must be as xmpp://host:5222, xmpps://host:5223 or wss://host/ws");
  return { service, jid, password };
};

/** The origins whose pages may chat, beside those of this machine. */
export const webOrigins = (): readonly string[] => readList("SG_WEB_ORIGINS");

export const agentsIntervalMs = (value?: number): number => readInterval("SG_AGENTS_INTERVAL_MS", value, 10_000);

export const consolidationIntervalMs = (value?: number): number => readInterval("SG_CONSOLIDATION_INTERVAL_MS", value, 60_000);

/** tokens of the conversation that a model reads before the message; see `tokensOf` */
export const memoryTokens = (): number =>
  readNumber({ variable: "SG_MEMORY_TOKENS", value: undefined, fallback: 3000, min: 0, max: 60_000 });
