/** What has been left at a signal that lives on. */
import { getEventListeners } from "node:events";

/** The signals that `AbortSignal.any` has made of `signal`, of which Node 20 keeps an entry each for as long as `signal` lives. */
export const madeOf = (signal: AbortSignal): unknown[] => {
  const own = Object.getOwnPropertySymbols(signal).find(({ description }) => description === "kDependantSignals");
  const dependants = own && (signal as unknown as Record<symbol, ReadonlySet<unknown> | undefined>)[own];
  return [...(dependants ?? [])];
};

/** The same, and its listeners. */
export const leftAt = (signal: AbortSignal): unknown[] => [...getEventListeners(signal, "abort"), ...madeOf(signal)];
