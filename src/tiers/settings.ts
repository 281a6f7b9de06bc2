/** What the tiers read from the environment, checked before anything is touched. */
import { fromEnvironment } from "../environment.ts";
import { StargazerError } from "../errors.ts";

export const invalid = (variable: string, problem: string): StargazerError =>
  new StargazerError("SG_ERR_CONFIG_INVALID", `${variable} ${problem}.`, { phase: "init" });

export interface NumberSetting {
  readonly variable: string;
  readonly value: number | undefined;
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
}

/** A whole number: given, or from the environment, or the fallback. Throws `SG_ERR_CONFIG_INVALID`. */
export const readNumber = ({ variable, value, fallback, min, max }: NumberSetting): number => {
  const text = fromEnvironment(variable);
  const number = value ?? (text === undefined ? fallback : Number(text));
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw invalid(variable, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(value ?? text)?.slice(0, 80)}`);
};

export const readPort = (variable: string, value: number | undefined, fallback: number): number =>
  readNumber({ variable, value, fallback, min: 0, max: 65_535 });

/** ms; a day at most */
export const readInterval = (variable: string, value: number | undefined, fallback: number): number =>
  readNumber({ variable, value, fallback, min: 10, max: 86_400_000 });

/** Where the tiers that serve HTTP listen: loopback, unless `SG_HTTP_HOST` says otherwise. */
export const readHost = (value: string | undefined): string => {
  const host = value ?? fromEnvironment("SG_HTTP_HOST") ?? "127.0.0.1";
  if (/^[\w.:%-]{1,255}$/.test(host)) return host;
  throw invalid("SG_HTTP_HOST", "must be a host name or address");
};

/** An http or https URL, or undefined. Nothing of a URL that is refused is shown: it may carry a password. */
export const readUrl = (variable: string, value: string | undefined): URL | undefined => {
  const text = value ?? fromEnvironment(variable);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw invalid(variable, "must be an http or https URL");
};

/** Names separated by commas. */
export const readList = (variable: string): readonly string[] =>
  (fromEnvironment(variable) ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
