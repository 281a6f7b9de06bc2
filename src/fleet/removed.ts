/** Files that a running fleet cannot do without: that one was removed is noticed. */
import { existsSync } from "node:fs";

/** ms between two looks */
const everyMs = 2000;

/** Calls `onRemoved` each time that the file is gone at two looks in a row, until the returned function is called. Keeps no process alive. */
export const watchForRemoval = (path: string, onRemoved: () => void): (() => void) => {
  let gone = 0;
  const timer = setInterval(() => {
    gone = existsSync(path) ? 0 : gone + 1;
    if (gone === 2) onRemoved();
  }, everyMs).unref();
  return () => clearInterval(timer);
};
