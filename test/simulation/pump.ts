/** Drives a simulation: one step, then every promise that it settled, then the next step. */

const turnsAhead = 8;

/**
 * Calls `step` until it returns false. Between two steps Node runs all microtasks and ticks, and reports unhandled rejections:
 * it does so between two immediates. Several are set ahead, because one for each step costs a turn of the event loop for each.
 */
export const pump = (step: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    let over = false;
    const end = (settle: () => void) => {
      over = true;
      settle();
    };
    const once = () => {
      if (over) return;
      try {
        if (!step()) end(resolve);
      } catch (error) {
        end(() => reject(error));
      }
    };
    const turn = () => {
      if (over) return;
      for (let ahead = 0; ahead < turnsAhead; ahead += 1) setImmediate(once);
      setImmediate(turn);
    };
    turn();
  });
