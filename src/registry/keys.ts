/** The keys of the registry. */
import { keysBehind } from "../redis/keys.ts";

/** messages that the journal keeps, about */
export const journalLength = 20_000;

export interface RegistryKeys {
  /** string: the entry of one instance, JSON, expires with its lease */
  service(service: string, instance: string): string;
  /** string: the tombstone of the newest boot that deregistered; refuses its late writes */
  released(service: string, instance: string): string;
  /** sorted set: the instances of one service by the end of their lease, ms since the epoch */
  index(service: string): string;
  /** set: the services that have an index */
  readonly services: string;
  /** stream: each change of the registry */
  readonly events: string;
  /** stream: what instances did; one message has all that happened in one turn of an event loop */
  readonly journal: string;
  /** hash: how many stops there were, by service, version and outcome */
  readonly ends: string;
  /** sorted set: boots that have deregistered and not yet ended, by the time at which they count as dead, ms since the epoch */
  readonly ending: string;
  /** hash: what is known of each registered instance of a service, for the case that its lease expires */
  known(service: string): string;
  /** string: the recording of the last failed stop of an instance */
  flight(service: string, instance: string): string;
}

export const registryKeys = keysBehind<RegistryKeys>((prefix) => ({
  service: (service, instance) => `${prefix}sg:registry:service:${service}:${instance}`,
  released: (service, instance) => `${prefix}sg:registry:released:${service}:${instance}`,
  index: (service) => `${prefix}sg:registry:idx:${service}`,
  services: `${prefix}sg:registry:services`,
  events: `${prefix}sg:registry:events`,
  journal: `${prefix}sg:fleet:journal`,
  ends: `${prefix}sg:fleet:ends`,
  ending: `${prefix}sg:fleet:ending`,
  known: (service) => `${prefix}sg:fleet:known:${service}`,
  flight: (service, instance) => `${prefix}sg:fleet:flight:${service}:${instance}`,
}));
