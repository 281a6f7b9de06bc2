/** A reader for each kind of option: it returns a value, and appends what is wrong to `problems`. */
import { defaultSettings } from "../../../machines/settings.ts";
import { isOf } from "../../../machines/thrown.ts";
import { allowedHostsFromEnvironment, allowedHostsProblem, allowedHostsVariable } from "../../allowed-hosts.ts";
import type { Variable } from "../../environment.ts";
import { fromEnvironment, numberIn } from "../../environment.ts";
import type { MetricsSource } from "../../health/own-metrics.ts";
import type { Logger, LogLevel } from "../../logger.ts";
import { logLevels } from "../../logger.ts";
import { isRecord } from "../../record.ts";
import type { RedisClient } from "../../redis/client.ts";
import { redisUrlProblem } from "../../redis/url.ts";
import { metadataProblem } from "../../registry/entry.ts";
import { nameProblem } from "../../registry/names.ts";

/** The bounds and the default of a whole number, and the variable that it is read from where the option is absent. */
export interface NumberRule {
  readonly fallback: number;
  readonly min: number;
  readonly max: number;
  readonly variable?: Variable;
}

/** The largest delay that a timer takes, in ms. */
export const longestMs = 2 ** 31 - 1;

export const readNumber = (name: string, rule: NumberRule, given: unknown, problems: string[]): number => {
  // equivalent mutant (true): no environment has a variable of the name undefined
  const text = given === undefined && rule.variable !== undefined ? fromEnvironment(rule.variable) : undefined;
  const value = given === undefined ? (text === undefined ? rule.fallback : numberIn(text)) : given;
  if (isWhole(value) && value >= rule.min && value <= rule.max) return value;
  const source = text === undefined ? name : `${rule.variable} (${name})`;
  problems.push(`${source} must be a whole number from ${rule.min} to ${rule.max}, not ${shown(text ?? value)}`);
  return rule.fallback;
};

const isWhole = (value: unknown): value is number => Number.isInteger(value);

/** A value as a problem quotes it, at most 80 characters of a string. */
export const shown = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  if (Array.isArray(value)) return "a list";
  return typeof value === "number" || value === null ? String(value) : `a value of type ${typeof value}`;
};

export const readName = (kind: "service" | "instance", value: unknown, problems: string[]): string => {
  const option = kind === "service" ? "serviceName" : "instanceId";
  const problem = nameProblem(kind, value);
  if (problem !== undefined) problems.push(`${option} ${problem}`);
  // equivalent mutant: the resolved value is dropped with the problem
  return typeof value === "string" ? value : "";
};

export const readRedis = (given: unknown, problems: string[]): RedisClient | string | null => {
  if (given === null) return null;
  const url = given ?? fromEnvironment("REDIS_URL") ?? defaultSettings.redisLabel;
  if (typeof url === "string") {
    const problem = redisUrlProblem(url);
    if (problem !== undefined) problems.push(`${given === undefined ? "REDIS_URL" : "redis"} ${problem}`);
    return url;
  }
  const odd = notClient(url);
  if (odd !== undefined) problems.push(`redis must be an ioredis Redis or Cluster, a URL, or null; ${odd}`);
  return url as RedisClient;
};

/** What is used of a client: of ioredis, of any version and copy, and of a wrapper that passes it on. */
const clientMembers = {
  status: "string",
  options: "object",
  on: "function",
  ping: "function",
  duplicate: "function",
  disconnect: "function",
};

const missingOf = (value: unknown): string[] =>
  Object.entries(clientMembers).flatMap(([name, type]) => (typeof Object(value)[name] === type ? [] : [name]));

const isOfNodeRedis = (value: unknown): boolean => "isOpen" in Object(value) && "sendCommand" in Object(value);

/** What was given in place of a client, and what to do; undefined for a client. */
const notClient = (value: unknown): string | undefined => {
  if (isOfNodeRedis(value))
    return "this is a client of node-redis (the package redis): pass its URL, or new Redis(url) of ioredis";
  if (value instanceof URL) return "this is a URL object: pass its href";
  if (isOf(value, Promise)) return "this is a promise: await it first";
  const missing = missingOf(value);
  if (missing.length === 0) return undefined;
  if (!isRecord(value)) return `not ${shown(value)}`;
  return missing.length === Object.keys(clientMembers).length
    ? "this has nothing of a client"
    : `this has no ${missing.join(", ")}, which a client of ioredis has`;
};

export const readBoolean = (name: string, value: unknown, fallback: boolean, problems: string[]): boolean => {
  if (value === undefined || typeof value === "boolean") return value ?? fallback;
  problems.push(`${name} must be true or false, not ${shown(value)}`);
  return fallback;
};

const switches: Readonly<Record<string, boolean>> = { 1: true, true: true, 0: false, false: false };

export const readSwitch = (
  name: string,
  value: unknown,
  { variable, fallback }: { variable: Variable; fallback: boolean },
  problems: string[],
): boolean => {
  const text = value === undefined ? fromEnvironment(variable) : undefined;
  if (text === undefined) return readBoolean(name, value, fallback, problems);
  const read = Object.hasOwn(switches, text) ? switches[text] : undefined;
  if (read === undefined) problems.push(`${variable} (${name}) must be 1 or 0, not ${shown(text)}`);
  // equivalent mutant: the fallback of each switch is true, and a problem is thrown
  return read ?? fallback;
};

export const readHost = (given: unknown, problems: string[]): string => {
  const value = given === undefined ? (fromEnvironment("SG_HEALTH_HOST") ?? "127.0.0.1") : given;
  if (typeof value !== "string" || !/^[\w.:%-]{1,255}$/.test(value))
    problems.push(`healthHost must be a host name or address, not ${shown(value)}`);
  return String(value);
};

export const readAllowedHosts = (given: unknown, problems: string[]): readonly string[] => {
  const value = given === undefined ? allowedHostsFromEnvironment() : given;
  const problem = allowedHostsProblem(value);
  const source = given === undefined ? `${allowedHostsVariable} (allowedHosts)` : "allowedHosts";
  if (problem !== undefined) problems.push(`${source} ${problem}`);
  return value as readonly string[];
};

export const readMetadata = (value: unknown, problems: string[]): Readonly<Record<string, unknown>> => {
  if (value === undefined) return {};
  try {
    const json = JSON.stringify(value);
    if (!isRecord(value)) problems.push(`metadata must be an object, not ${shown(value)}`);
    else {
      const plain = JSON.parse(json);
      const problem = metadataProblem(plain, json);
      if (problem === undefined) return plain;
      problems.push(`metadata ${problem}`);
    }
  } catch {
    problems.push("metadata must be JSON, without cycles or big integers");
  }
  return {};
};

export const readLogger = (value: unknown, problems: string[]): Logger | undefined => {
  if (value === undefined) return undefined;
  const missing = ["debug", "info", "warn", "error"].filter(
    (level) => typeof (value as Record<string, unknown>)?.[level] !== "function",
  );
  if (missing.length > 0) problems.push(`logger has no ${missing.join(", ")}`);
  return value as Logger;
};

export const readLogLevel = (given: unknown, logger: unknown, problems: string[]): LogLevel => {
  const value = given ?? fromEnvironment("SG_LOG_LEVEL") ?? "info";
  if (!logLevels.includes(value as LogLevel))
    problems.push(
      `${given === undefined ? "SG_LOG_LEVEL (logLevel)" : "logLevel"} must be ${logLevels.join(", ")}, not ${shown(value)}`,
    );
  if (given !== undefined && logger !== undefined)
    problems.push("logLevel is of the default logger: a logger has a level of its own");
  return value as LogLevel;
};

export const readMetrics = (value: unknown, problems: string[]): MetricsSource | undefined => {
  if (value === undefined) return undefined;
  const { metrics, contentType } = Object(value) as { metrics?: unknown; contentType?: unknown };
  if (typeof metrics !== "function") problems.push(`metrics must be an object with a function metrics(), not ${shown(value)}`);
  if (String(contentType).includes("openmetrics"))
    problems.push(
      "metrics is a registry in the form of OpenMetrics: /metrics has the text format of Prometheus, the default of prom-client",
    );
  return value as MetricsSource;
};

export const readCloseHealth = (value: unknown, problems: string[]): "first" | "last" => {
  if (value !== undefined && value !== "first" && value !== "last")
    problems.push(`closeHealth must be "first" or "last", not ${shown(value)}`);
  return value === "last" ? "last" : "first";
};
