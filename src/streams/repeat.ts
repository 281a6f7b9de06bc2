/** Work that goes on until its signal aborts, through every failure. */
import { messageOf } from "../errors.ts";
import type { WordedLogger } from "../logger.ts";
import { pause } from "../pause.ts";

const longestPauseMs = 2000;

/** A time near `ms`, so that workers that began together do not stay in step. */
export const jittered = (ms: number): number => ms * (0.8 + 0.4 * Math.random());

export interface RepeatOptions {
  readonly signal: AbortSignal;
  readonly log: WordedLogger;
}

/** Calls `work` again and again. A failure is logged, the first of a row as a warning, and followed by a growing pause. Never rejects. */
export const repeat = async (work: () => Promise<void>, { signal, log }: RepeatOptions): Promise<void> => {
  let failures = 0;
  while (!signal.aborted) {
    try {
      await work();
      failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      const reason = messageOf(error);
      log[failures === 0 ? "warn" : "debug"]({ type: "consumer.troubled", reason }, `a pass over the stream failed: ${reason}`);
      failures += 1;
      await pause(jittered(Math.min(longestPauseMs, 50 * 2 ** Math.min(failures, 6))), { signal });
    }
  }
};

/** As `repeat`, with a pause of about `ms` before each call. */
export const repeatEvery = (ms: number, work: () => Promise<void>, { signal, log }: RepeatOptions): Promise<void> =>
  repeat(
    async () => {
      await pause(jittered(ms), { signal });
      if (!signal.aborted) await work();
    },
    { signal, log },
  );
