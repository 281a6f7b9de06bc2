/** What a watch of the registry emits, and the messages of the stream that it reads. */
import type { RegistryEntry } from "./entry.ts";

/** What `Registry.watch` emits, one after the other. */
export type RegistryEvent =
  /** a boot that was not known before; also each one that is there when watching begins */
  | { readonly type: "registered"; readonly entry: RegistryEntry }
  /** a known boot has another status or other details */
  | { readonly type: "updated"; readonly entry: RegistryEntry }
  /** the boot deleted its entry; `entry` is the last that was known */
  | { readonly type: "deregistered"; readonly entry: RegistryEntry }
  /** the lease ended before the boot deleted its entry, as after a crash */
  | { readonly type: "expired"; readonly entry: RegistryEntry }
  /**
   * The events so far may no longer hold. `unreachable`: Redis does not answer. `vanished`: more than half of the known instances
   * expired within 15 s, and a fault of Redis or of the network is a likelier cause than so many crashes; their `expired` events
   * follow all the same. Holds until `synced`.
   */
  | { readonly type: "stale"; readonly reason: "unreachable" | "vanished"; readonly message: string }
  /** everything in the registry has been emitted; the first one follows the entries that were there when watching began */
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

/** Reads the fields of a message; a missing one is empty, and an event without sense leads to nothing in `FleetView`. */
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
