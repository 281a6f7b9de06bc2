/** Whether a loop over a call lets the event loop turn. */

/** as it is when this is loaded: a test may fake the global one */
const { setImmediate } = globalThis;

/** Calls until the event loop has turned, at most a thousand times. Rejects where a call does not reject. */
export const turnsBetween = async (call: () => Promise<unknown>): Promise<boolean> => {
  let hasTurned = false;
  setImmediate(() => {
    hasTurned = true;
  });
  for (let count = 0; count < 1000 && !hasTurned; count += 1) {
    const isRejected = await call().then(
      () => false,
      () => true,
    );
    if (!isRejected) throw new Error("the call has not been rejected");
  }
  return hasTurned;
};
