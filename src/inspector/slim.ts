/** Inspection events of XState as plain JSON. */
import { plain } from "../plain.ts";

const bounds = { depth: 6, items: 100, length: 2000 };

/** Never throws: a value that cannot be read becomes a text about the error. */
export const slim = (value: unknown): unknown => plain(value, bounds);

interface AnySnapshot {
  readonly status: "active" | "done" | "error" | "stopped";
  readonly value?: unknown;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** What an inspector shows of a snapshot. */
export const slimSnapshot = (snapshot: AnySnapshot): Record<string, unknown> => {
  const { status, value, context, output, error } = snapshot;
  return slim({ status, value, context, output, error }) as Record<string, unknown>;
};
