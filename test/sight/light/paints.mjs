/** Runs in the page: notes when a row shows another state. A change of the document is painted by the next frame. */
export const notePaints = () => {
  const shown = new Map();
  globalThis.paints = [];
  const look = () => {
    const changes = [];
    for (const { dataset } of document.querySelectorAll(".row[data-name]")) {
      if (shown.get(dataset.name) === dataset.state) continue;
      shown.set(dataset.name, dataset.state);
      changes.push({ name: dataset.name, state: dataset.state });
    }
    if (changes.length === 0) return;
    requestAnimationFrame(() => {
      const at = Date.now();
      for (const change of changes) globalThis.paints.push({ ...change, at });
    });
  };
  document.addEventListener("DOMContentLoaded", () => {
    const options = { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] };
    new MutationObserver(look).observe(document.body, options);
  });
};

/** What is measured: before the ping gate nothing can be written, and `stopped` is written with the last step before it. */
const isMeasured = (state) => ["starting", "registering", "healthy", "running", "stopping"].includes(state);

/**
 * ms from each entry of a state to the paint that shows that state, or a later one. Both lists are in the order of time, of one instance.
 * An entry that no later paint is of is left out.
 */
export const delaysOf = (entries, paints) => {
  const wanted = entries.filter(({ state }) => isMeasured(state));
  const delays = [];
  let from = 0;
  for (const { state, at } of paints.filter((paint) => isMeasured(paint.state))) {
    const place = wanted.findIndex((entry, index) => index >= from && entry.state === state && entry.at <= at);
    if (place === -1) continue;
    delays.push(...wanted.slice(from, place + 1).map((entry) => at - entry.at));
    from = place + 1;
  }
  return delays;
};
