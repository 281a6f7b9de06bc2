/** Whether the event loop makes its turns, measured by a thread, since a blocked one can measure nothing. */
import { once } from "node:events";
import { url as inspectorUrl } from "node:inspector";
import { Worker } from "node:worker_threads";
import { every } from "../clock.ts";

/** What of a service may be under way, in the order of its bits. */
const places = ["the constructor", "onStart", "run", "onDrain", "onStop", "a release"] as const;
export type TurnPlace = (typeof places)[number];

/** What the thread gets. */
export interface TurnThreadData {
  readonly cells: Int32Array;
  readonly places: readonly string[];
  readonly scenario: string;
  readonly claim: string;
  readonly killAfterMs: number;
}

export interface TurnOptions {
  readonly scenario: string;
  readonly claim: string;
  /** the longest time without a turn that is no breach, in ms */
  readonly turnWithinMs: number;
}

/** less than a look of the thread, in ms */
const beatMs = 40;
/** so many times `turnWithinMs` without a turn end the process */
const killFactor = 10;
// the layout is described in turn-thread.cjs
const cellCount = 5;
const [turns, underWay, longestMs, underWayThen, hasEnded] = [0, 1, 2, 3, 4];

/** Resolves once the thread looks. */
const startThread = async (workerData: TurnThreadData): Promise<void> => {
  const worker = new Worker(new URL("./turn-thread.cjs", import.meta.url), { workerData, env: {}, execArgv: [], name: "turns" });
  await once(worker, "online");
  worker.unref();
};

/** The watch of one scenario. With a debugger attached it sees nothing, for a breakpoint holds the event loop too. */
export class TurnWatch {
  readonly #cells = new Int32Array(new SharedArrayBuffer(cellCount * Int32Array.BYTES_PER_ELEMENT));
  readonly #turnWithinMs: number;
  readonly #endBeat: () => void;

  private constructor(turnWithinMs: number) {
    this.#turnWithinMs = turnWithinMs;
    this.#endBeat = every(beatMs, () => this.#turn());
  }

  /** Resolves once its thread looks: what holds the event loop before is not seen. */
  static async start({ scenario, claim, turnWithinMs }: TurnOptions): Promise<TurnWatch> {
    const watch = new TurnWatch(turnWithinMs);
    if (inspectorUrl() === undefined)
      await startThread({ cells: watch.#cells, places, scenario, claim, killAfterMs: killFactor * turnWithinMs });
    return watch;
  }

  /** Counts `place` as under way until the function that it returns is called. */
  enter(place: TurnPlace): () => void {
    const bit = 1 << places.indexOf(place);
    Atomics.or(this.#cells, underWay, bit);
    return () => void Atomics.and(this.#cells, underWay, ~bit);
  }

  /** The breach, if there was one, as a sentence. */
  get breaches(): string[] {
    const ms = Atomics.load(this.#cells, longestMs);
    if (ms <= this.#turnWithinMs) return [];
    const bits = Atomics.load(this.#cells, underWayThen);
    const names = places.filter((_, at) => bits & (1 << at)).join(" or ") || "what no hook waits for";
    return [
      `${names} held the event loop for ${ms} ms; ${this.#turnWithinMs} ms are allowed, for neither timers, signals nor requests are handled meanwhile`,
    ];
  }

  /** Ends the watch and its thread. Legal any number of times. */
  stop(): void {
    this.#endBeat();
    Atomics.store(this.#cells, hasEnded, 1);
    this.#turn();
  }

  #turn(): void {
    Atomics.add(this.#cells, turns, 1);
    Atomics.notify(this.#cells, turns);
  }
}
