// @ts-check
/**
 * What the main thread last said of itself, in memory that the probe thread reads without asking: when its next heartbeat is due,
 * and the state it is in. Plain JavaScript: both threads run it as it stands.
 *
 * Layout: 8 bytes when the next beat is due (`process.hrtime`, ns), 4 bytes version (odd while the text is written), 4 bytes
 * length of the text, the text (JSON).
 */

/**
 * @typedef {object} Notice
 * @property {string} state the top-level state's name
 * @property {boolean} leaving whether connections should end with their answer
 * @property {{ ready: true } | { ready: false, reason: string }} readiness
 */

const headBytes = 16;
const textBytes = 4096;
/** of a reason: so long that the text has room for it, however many escapes it takes */
const maxReason = 500;
/** later than any clock: nothing is due */
const never = 2n ** 63n - 1n;
const nsPerMs = 1_000_000;

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
  #said = "";

  constructor() {
    this.rest();
  }

  /**
   * The main thread works, and says so again within so many ms.
   * @param {number} ms
   */
  beat(ms) {
    Atomics.store(this.#views.due, 0, process.hrtime.bigint() + BigInt(ms * nsPerMs));
  }

  /** No beat is due from now on. */
  rest() {
    Atomics.store(this.#views.due, 0, never);
  }

  /** @param {Notice} notice */
  say({ state, leaving, readiness }) {
    const told = readiness.ready ? readiness : { ready: false, reason: readiness.reason.slice(0, maxReason) };
    const said = JSON.stringify({ state, leaving, readiness: told });
    if (said === this.#said) return;
    this.#said = said;
    const { head, text } = this.#views;
    const bytes = new TextEncoder().encode(said);
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
  #notice = { state: "init", leaving: false, readiness: { ready: false, reason: "nothing was said yet" } };

  /** @param {SharedArrayBuffer} memory */
  constructor(memory) {
    this.#views = viewsOf(memory);
  }

  /** ms by which the main thread's beat is late; 0 while none is due. */
  get lateMs() {
    return Math.max(0, Math.round(Number(process.hrtime.bigint() - Atomics.load(this.#views.due, 0)) / nsPerMs));
  }

  /** The latest that was said. While the next is being written it is the one before. */
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
