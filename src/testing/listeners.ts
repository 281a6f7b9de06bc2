/** The listeners of an emitter, and those that were added since. */
import type { EventEmitter } from "node:events";

export type Listeners = ReadonlyMap<string | symbol, readonly unknown[]>;

export const listenersOf = (emitter: EventEmitter): Listeners =>
  new Map(emitter.eventNames().map((event) => [event, emitter.rawListeners(event)]));

const nameOf = (listener: unknown): string => {
  const { name, listener: wrapped } = listener as { name?: string; listener?: { name?: string } };
  return (wrapped?.name ?? name) || "an anonymous function";
};

/** The listeners of `now` that are not in `then`: `'SIGTERM' (onTerm)`. */
export const newListeners = (then: Listeners, now: Listeners): string[] =>
  [...now].flatMap(([event, listeners]) => {
    const known = [...(then.get(event) ?? [])];
    const fresh = listeners.filter((listener) => {
      const at = known.indexOf(listener);
      if (at >= 0) known.splice(at, 1);
      return at < 0;
    });
    return fresh.map((listener) => `'${String(event)}' (${nameOf(listener)})`);
  });
