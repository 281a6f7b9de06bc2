/** What a watch of the registry emits, and the messages of the stream that it reads. */
import { leaseStatuses } from "../../machines/phases.ts";
import type { RegistryEntry } from "./entry.ts";
import { isTime } from "./entry.ts";
import { nameProblem } from "./names.ts";

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

/** fields of a message, and bytes of one */
const maxFields = 32;
const maxFieldBytes = 512;

/** Reads the fields of a message; a missing one is empty. Undefined for a message beyond the limits, or one that no registry writes. */
export const streamEvent = (fields: readonly Uint8Array[]): StreamEvent | undefined => {
  if (fields.length > 2 * maxFields || fields.some(({ length }) => length > maxFieldBytes)) return undefined;
  const texts = fields.map((field) => Buffer.from(field.buffer, field.byteOffset, field.length).toString());
  const at = (name: string): string => texts[texts.findIndex((text, index) => index % 2 === 0 && text === name) + 1] ?? "";
  const [service, instance] = [at("service"), at("instance")];
  if (nameProblem("service", service) !== undefined || nameProblem("instance", instance) !== undefined) return undefined;
  const [type, status, since] = [at("type"), at("status"), Number(at("since"))];
  if ((type === "registered" || type === "updated") && !(isStatus(status) && isTime(since))) return undefined;
  return { type, service, instance, incarnation: Number(at("incarnation")), boot: at("boot"), status, since };
};

const isStatus = (status: string): boolean => leaseStatuses.some((known) => known === status);
