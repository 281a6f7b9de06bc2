/** What a watcher of the registry is told. */
import type { RegistryEntry } from "./entry.ts";

export type RegistryEvent =
  /** a boot that was not there before; also each one that is there when watching begins */
  | { readonly type: "registered"; readonly entry: RegistryEntry }
  | { readonly type: "updated"; readonly entry: RegistryEntry }
  /** it said goodbye; `entry` is the last that was known */
  | { readonly type: "deregistered"; readonly entry: RegistryEntry }
  /** its lease ended without a goodbye */
  | { readonly type: "expired"; readonly entry: RegistryEntry }
  /**
   * What was shown so far is not to be trusted: `unreachable`, Redis does not answer; `vanished`, more than half of what was known
   * expired within one lease, which a fault of Redis or of the network does more often than so many deaths. Their `expired` events
   * follow all the same. Lasts until `synced`.
   */
  | { readonly type: "stale"; readonly reason: "unreachable" | "vanished"; readonly message: string }
  /** all that Redis knows has been told; the first one follows the entries that were there when watching began */
  | { readonly type: "synced"; readonly entries: number };

/** One message of the events stream. */
export interface StreamEvent {
  readonly type: string;
  readonly service: string;
  readonly instance: string;
  readonly incarnation: number;
  readonly boot: string;
  readonly status: string;
  readonly since: number;
}

/** Reads the fields of a message; whatever is missing is empty, and an event that makes no sense is passed over by who uses it. */
export const streamEvent = (fields: readonly string[]): StreamEvent => {
  const at = (name: string): string => fields[fields.indexOf(name) + 1] ?? "";
  return {
    type: at("type"),
    service: at("service"),
    instance: at("instance"),
    incarnation: Number(at("incarnation")),
    boot: at("boot"),
    status: at("status"),
    since: Number(at("since")),
  };
};
