/**
 * The deadlines of the tests in ms, by kind. A deadline ends what hangs; it measures nothing, so a busy machine must not reach it:
 * each is at least ten times what its kind takes on a quiet one.
 */
export const deadlines = {
  /** a fact that is polled for, and an answer that is due in the next turns of the event loop */
  fact: 30_000,
  /** a test or a hook of a test file, and one path of a model */
  test: 120_000,
  /** a test that plays many lives, or a case that waits for the product's own deadlines */
  long: 300_000,
};
