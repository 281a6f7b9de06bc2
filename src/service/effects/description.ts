/** What `describe()` adds to the registry entry. A `describe()` that fails costs its own part of the entry, never the entry. */
import { messageOf } from "../../errors.ts";
import { isRecord } from "../../record.ts";
import { metadataProblem } from "../../registry/entry.ts";

type Metadata = Readonly<Record<string, unknown>>;

/** Whether the entry has what `describe()` adds; published when that changes. */
export type DescriptionFact =
  | { readonly type: "description.failed"; readonly reason: string }
  | { readonly type: "description.restored" };

export interface DescriptionOptions {
  /** of the options; JSON within the limit */
  readonly metadata: Metadata;
  readonly describe: () => unknown;
  readonly onFact: (fact: DescriptionFact) => void;
}

/** Returns a reader of the whole metadata for one write. It never throws. */
export const describedMetadata = ({ metadata, describe, onFact }: DescriptionOptions): (() => Metadata) => {
  let last: string | undefined;
  return () => {
    const { merged, reason } = read(metadata, describe);
    if (reason !== last) onFact(reason === undefined ? { type: "description.restored" } : { type: "description.failed", reason });
    last = reason;
    return merged;
  };
};

const read = (metadata: Metadata, describe: () => unknown): { merged: Metadata; reason?: string } => {
  try {
    return { merged: withinLimit({ ...metadata, ...asJson(describe()) }) };
  } catch (error) {
    return { merged: metadata, reason: `describe() failed: ${messageOf(error)}` };
  }
};

/** A copy as JSON has it: a getter or `toJSON` runs here, and not while the entry is written. */
const asJson = (described: unknown): Metadata => {
  if (described instanceof Promise) {
    described.catch(() => {});
    throw new Error("it returned a promise, and has to return an object");
  }
  const value: unknown = JSON.parse(JSON.stringify(described ?? {}) ?? "null");
  if (!isRecord(value)) throw new Error("it returned no object");
  return value;
};

const withinLimit = (merged: Metadata): Metadata => {
  const problem = metadataProblem(merged);
  if (problem === undefined) return merged;
  throw new Error(`with it the metadata ${problem}`);
};
