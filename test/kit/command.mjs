/** What the long programs of these tests share: a seed, a line of progress, and an end by signal that leaves nothing behind. */

/** A seed from the clock: a whole number from 1 on. */
export const seedOfClock = () => (Date.now() % 1_000_000_000) + 1;

/** Shows a line in place of the one before, on a terminal only; an empty one removes it. */
export const progress = (line) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
};

/** On a signal or an error that no code catches: waits for `clean`, then exits with 130, 143 or 1. */
export const abandonBy = (clean) => {
  const abandon = async (code) => {
    await clean();
    process.exit(code);
  };
  process.once("SIGINT", () => abandon(130));
  process.once("SIGTERM", () => abandon(143));
  process.once("uncaughtException", (error) => {
    console.error(error);
    void abandon(1);
  });
};
