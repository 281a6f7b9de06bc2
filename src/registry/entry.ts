/** The registry entry: the text that is written for an instance, and the check of a text that is read. */
import type { LeaseStatus } from "../../machines/index.ts";
import { leaseStatuses } from "../../machines/phases.ts";
import { StargazerError } from "../errors.ts";
import { isRecord, isShallow } from "../record.ts";

/** Which instance a key stands for. */
export interface InstanceName {
  readonly service: string;
  readonly instance: string;
}

/** What a service knows of itself, beside when it started. */
export interface OwnDetails {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** null until the listener is open */
  readonly health: { readonly host: string; readonly port: number } | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** One boot of one instance, as the registry has it. Times in ms since the epoch, by the clock of Redis. */
export interface RegistryEntry extends OwnDetails, InstanceName {
  /** when the service was constructed */
  readonly startedAt: number;
  /** the state that the service has last written */
  readonly status: LeaseStatus;
  /** a whole number that grows with each boot of the same instance */
  readonly incarnation: number;
  /** hexadecimal; distinguishes boots that drew the same incarnation */
  readonly boot: string;
  /** when this status began */
  readonly since: number;
}

/** for the metadata as JSON: what the options and `describe` give together */
export const metadataLimitBytes = 4096;
/** levels of objects and lists in the metadata, the metadata itself among them */
export const metadataLimitLevels = 32;
/** for the whole text: nothing larger is written, and nothing larger is read */
export const entryLimitBytes = 8192;

/** Why `metadata` cannot be in an entry, in words that follow its name; undefined if it can. `json`: its text. */
export const metadataProblem = (metadata: unknown, json = JSON.stringify(metadata)): string | undefined => {
  const bytes = Buffer.byteLength(json);
  if (bytes > metadataLimitBytes) return `must be at most ${metadataLimitBytes} bytes of JSON, it has ${bytes}`;
  return isShallow(metadata, metadataLimitLevels)
    ? undefined
    : `must have at most ${metadataLimitLevels} levels and no key __proto__`;
};

/**
 * The scripts read incarnation and boot off the beginning of the text, so they come first, in this order. Throws `SG_ERR_REGISTRY`
 * where the metadata is beyond its limits, or the whole is.
 */
export const entryText = (entry: RegistryEntry): string => {
  const { incarnation, boot, service, instance, status, startedAt, since, host, pid, version, health, metadata } = entry;
  const refuse = (what: string): never => {
    throw new StargazerError("SG_ERR_REGISTRY", `the ${what}`);
  };
  const problem = metadataProblem(metadata);
  if (problem !== undefined) refuse(`metadata of ${service}/${instance} ${problem}: have describe() return less.`);
  const text = JSON.stringify({
    incarnation,
    boot,
    service,
    instance,
    status,
    startedAt,
    since,
    host,
    pid,
    version,
    health,
    metadata,
  });
  const bytes = Buffer.byteLength(text);
  if (bytes > entryLimitBytes)
    refuse(`entry of ${service}/${instance} must be at most ${entryLimitBytes} bytes, it has ${bytes}.`);
  return text;
};

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** what a Date can hold, in ms */
const latest = 8.64e15;
/** Whether `value` is a time in whole ms since the epoch. */
export const isTime = (value: unknown): boolean => isCount(value) && value <= latest;
const isHealth = (value: unknown): boolean => value === null || (isRecord(value) && isText(value.host) && isCount(value.port));

/** The entry of exactly this instance, or undefined where the text is none. A text beyond the limits is not parsed. */
export const parseEntry = (text: string, { service, instance }: InstanceName): RegistryEntry | undefined => {
  const value = text.length > entryLimitBytes ? undefined : parseJson(text);
  const fits =
    isRecord(value) &&
    value.service === service &&
    value.instance === instance &&
    leaseStatuses.includes(value.status as LeaseStatus) &&
    isCount(value.incarnation) &&
    isCount(value.pid) &&
    isTime(value.startedAt) &&
    isTime(value.since) &&
    isText(value.boot) &&
    isText(value.host) &&
    isText(value.version) &&
    isHealth(value.health) &&
    isRecord(value.metadata) &&
    isShallow(value, metadataLimitLevels + 1);
  return fits ? (value as unknown as RegistryEntry) : undefined;
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
    // equivalent mutant: without its return it returns the same
  } catch {
    return undefined;
  }
};
