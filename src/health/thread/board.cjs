// @ts-check
/**
 * The notice board: what the main thread last wrote of itself, in memory that the probe thread reads: when its next beat is due, and
 * the state it is in. Plain JavaScript, which both threads run as it stands.
 *
 * Layout: 8 bytes when the next beat is due (`process.hrtime`, ns), 4 bytes version (odd while the text is written), 4 bytes
 * length of the text, the text (JSON).
 */

/**
 * @typedef {object} Notice
 * @property {string} state the top-level state's name
 * @property {boolean} leaving whether connections should end with their answer
 * @property {{ ready: true } | { ready: false, reason: string }} readiness
 * @property {{ readonly alive: true } | { readonly alive: false, readonly reason: string }} liveness what the liveness checks find
 */

const headBytes = 16;
const textBytes = 8192;
/** characters of a reason: with every one of them escaped, the text still has room for two */
const maxReason = 500;
/** later than any clock: nothing is due */
const never = 2n ** 63n - 1n;
const nsPerMs = 1_000_000;

/** @template {object} Verdict @param {Verdict} verdict @returns {Verdict} */
const bounded = (verdict) => ("reason" in verdict ? { ...verdict, reason: String(verdict.reason).slice(0, maxReason) } : verdict);

/** @param {SharedArrayBuffer} memory */
const viewsOf = (memory) => ({
  due: new BigInt64Array(memory, 0, 1),
  head: new Int32Array(memory, 8, 2),
  text: new Uint8Array(memory, headBytes),
});

/** The main thread's side. */
class BoardWriter {
  memory = new SharedArrayBuffer(headBytes + textBytes);
  #views = viewsOf(this.memory);
  #published = "";

  constructor() {
    this.rest();
  }

  /**
   * The main thread works; its next beat is due within so many ms.
   * @param {number} ms
   */
  beat(ms) {
    Atomics.store(this.#views.due, 0, process.hrtime.bigint() + BigInt(ms * nsPerMs));
  }

  /** No beat is due from now on. */
  rest() {
    Atomics.store(this.#views.due, 0, never);
  }

  /**
   * Writes the notice; the same one again costs no write.
   * @param {Notice} notice
   */
  publish({ state, leaving, readiness, liveness }) {
    const published = JSON.stringify({ state, leaving, readiness: bounded(readiness), liveness: bounded(liveness) });
    if (published === this.#published) return;
    this.#published = published;
    const { head, text } = this.#views;
    const bytes = new TextEncoder().encode(published);
    Atomics.add(head, 0, 1);
    text.set(bytes);
    head[1] = bytes.length;
    Atomics.add(head, 0, 1);
  }
}

/** The probe thread's side. */
class BoardReader {
  #views;
  #version = 0;
  /** @type {Notice} */
  #notice = {
    state: "unknown",
    leaving: false,
    readiness: { ready: false, reason: "no notice was published yet" },
    liveness: { alive: true },
  };

  /** @param {SharedArrayBuffer} memory */
  constructor(memory) {
    this.#views = viewsOf(memory);
  }

  /** ms by which the main thread's beat is late; 0 while none is due. */
  get lateMs() {
    return Math.max(0, Math.round(Number(process.hrtime.bigint() - Atomics.load(this.#views.due, 0)) / nsPerMs));
  }

  /** The latest notice. While the next one is being written, the one before it. */
  get notice() {
    const { head, text } = this.#views;
    const version = Atomics.load(head, 0);
    if (version === this.#version || version & 1) return this.#notice;
    const copy = text.slice(0, head[1]);
    if (Atomics.load(head, 0) !== version) return this.#notice;
    this.#version = version;
    this.#notice = JSON.parse(new TextDecoder().decode(copy));
    return this.#notice;
  }
}

module.exports = { BoardWriter, BoardReader };
