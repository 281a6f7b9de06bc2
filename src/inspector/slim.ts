/** Inspection events of XState as plain JSON: bounded, without functions, actors and stacks, whatever a tier has put into them. */
import type { AnyActorRef } from "xstate";

const maxDepth = 6;
const maxItems = 100;
const maxTextLength = 2000;

const isActorRef = (value: object): value is AnyActorRef => "sessionId" in value && "getSnapshot" in value;
const ownEntries = (value: object): [string, unknown][] => Object.entries(value).slice(0, maxItems);

/** Never throws: what cannot be read is said to be so. */
export const slim = (value: unknown, depth = 0): unknown => {
  try {
    return reduced(value, depth);
  } catch (error) {
    return `(unreadable: ${String(error)})`;
  }
};

const reduced = (value: unknown, depth: number): unknown => {
  if (typeof value === "string") return value.slice(0, maxTextLength);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return { name: value.name, message: value.message, code: (value as { code?: unknown }).code };
  if (isActorRef(value)) return { actor: value.id, sessionId: value.sessionId };
  if (depth >= maxDepth) return Array.isArray(value) ? "(list)" : "(object)";
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => slim(item, depth + 1));
  return Object.fromEntries(ownEntries(value).map(([key, item]) => [key, slim(item, depth + 1)]));
};

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
