/** The keys of the registry. */
import { keysBehind } from "../redis/keys.ts";

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
}

export const registryKeys = keysBehind<RegistryKeys>((prefix) => ({
  service: (service, instance) => `${prefix}sg:registry:service:${service}:${instance}`,
  released: (service, instance) => `${prefix}sg:registry:released:${service}:${instance}`,
  index: (service) => `${prefix}sg:registry:idx:${service}`,
  services: `${prefix}sg:registry:services`,
  events: `${prefix}sg:registry:events`,
  journal: `${prefix}sg:fleet:journal`,
  ends: `${prefix}sg:fleet:ends`,
}));
