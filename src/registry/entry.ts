/** The registry entry: the text that is written for an instance, and the check of a text that is read. */
import type { LeaseStatus } from "../../machines/index.ts";
import { leaseStatuses } from "../../machines/phases.ts";
import { StargazerError } from "../errors.ts";
import { isRecord } from "../record.ts";

/** Which instance a key stands for. */
export interface InstanceName {
  readonly service: string;
  readonly instance: string;
}

/** What a service knows of itself. Times in ms since the epoch. */
export interface EntryDetails {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly startedAt: number;
  /** null until the listener is open */
  readonly health: { readonly host: string; readonly port: number } | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** One boot of one instance, as the registry has it. Times in ms since the epoch. */
export interface RegistryEntry extends EntryDetails, InstanceName {
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

/**
 * The scripts read incarnation and boot off the beginning of the text, so they come first, in this order. Throws `SG_ERR_REGISTRY`
 * where the metadata has grown too large.
 */
export const entryText = (entry: RegistryEntry): string => {
  const { incarnation, boot, service, instance, status, startedAt, since, host, pid, version, health, metadata } = entry;
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > metadataLimitBytes) {
    const message = `the metadata of ${service}/${instance} has ${bytes} bytes of JSON, and ${metadataLimitBytes} are allowed: have describe() return less.`;
    throw new StargazerError("SG_ERR_REGISTRY", message);
  }
  return JSON.stringify({ incarnation, boot, service, instance, status, startedAt, since, host, pid, version, health, metadata });
};

const isText = (value: unknown): value is string => typeof value === "string";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isHealth = (value: unknown): boolean => value === null || (isRecord(value) && isText(value.host) && isCount(value.port));

/** The entry of exactly this instance, or undefined where the text is none. */
export const parseEntry = (text: string, { service, instance }: InstanceName): RegistryEntry | undefined => {
  const value = parseJson(text);
  const fits =
    isRecord(value) &&
    value.service === service &&
    value.instance === instance &&
    leaseStatuses.some((status) => status === value.status) &&
    [value.incarnation, value.startedAt, value.since, value.pid].every(isCount) &&
    [value.boot, value.host, value.version].every(isText) &&
    isHealth(value.health) &&
    isRecord(value.metadata);
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
