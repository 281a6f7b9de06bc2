/** Runs in the page: when it shows so many instances for the first time, how long each frame took, and how many rows arrived. */
export const noteFrames = (wanted) => {
  globalThis.sight = { firstPaintMs: undefined, frames: [], rows: 0 };
  const cells = document.getElementsByClassName("cell");
  let last = performance.now();
  let isShown = false;
  const frame = () => {
    const now = performance.now();
    globalThis.sight.frames.push(now - last);
    last = now;
    // what this frame finds was painted by the one before
    if (isShown) globalThis.sight.firstPaintMs ??= now;
    isShown = cells.length >= wanted;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const { decode } = TextDecoder.prototype;
  TextDecoder.prototype.decode = function (...given) {
    const text = decode.apply(this, given);
    globalThis.sight.rows += text.split('"type":"row"').length - 1;
    return text;
  };
};

/** Runs in the page: the names of the instances that it shows as not ready. */
export const unreadyShown = () =>
  [...document.querySelectorAll(".cell")]
    .filter((cell) => cell.getAttribute("aria-label").includes("not ready"))
    .map(({ dataset }) => dataset.name);
