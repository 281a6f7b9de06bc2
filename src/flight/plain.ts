/** Events and facts as plain JSON: bounded, without functions, stacks and causes, whatever a tier has put into them. */
import type { FlightEvent } from "./recording.ts";

const maxDepth = 4;
const maxItems = 32;
const maxTextLength = 1000;
/** what belongs to XState, or is said elsewhere in the recording */
const left = new Set(["actorId", "cause", "phases", "failures", "input"]);

const plain = (value: unknown, depth: number): unknown => {
  if (typeof value === "string") return value.slice(0, maxTextLength);
  if (typeof value !== "object" || value === null) return typeof value === "bigint" ? String(value) : value;
  if (value instanceof Error) {
    const code = (value as { code?: unknown }).code;
    return { name: value.name, message: value.message.slice(0, maxTextLength), ...(typeof code === "string" ? { code } : {}) };
  }
  if (depth >= maxDepth) return null;
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => plain(item, depth + 1));
  const entries = Object.entries(value).filter(([key, item]) => !left.has(key) && typeof item !== "function");
  return Object.fromEntries(entries.slice(0, maxItems).map(([key, item]) => [key, plain(item, depth + 1)]));
};

/** Never throws: an event that cannot be read keeps its type. */
export const plainEvent = (event: { readonly type: string }): FlightEvent => {
  try {
    return plain(event, 0) as FlightEvent;
  } catch {
    return { type: event.type };
  }
};
