/** One case of a fault of test/faults/claims.mjs: a test that has the number of the fault and reports what happened. */
import { test } from "vitest";
import { claims } from "../faults/claims.mjs";
import { deadlines } from "./deadlines.ts";

declare module "vitest" {
  interface TaskMeta {
    /** what happened in a case of a fault, in sentences with the measured values */
    happened?: string[];
    /** the case takes long, and was left to `npm run faults` */
    left?: boolean;
  }
}

export interface FaultOptions {
  /** takes more than about 5 s: runs only with `npm run faults` */
  readonly slow?: boolean;
  readonly timeoutMs?: number;
}

/** Reports a sentence for the table of `npm run faults`. */
export type Happened = (sentence: string) => void;

const runsSlow = process.env.STARGAZER_TEST_SLOW === "1";

/** `what` is the case, where a fault has several; the name of the test is the number, the claim and the case. */
export const fault = (
  id: keyof typeof claims,
  what: string,
  work: (happened: Happened) => Promise<void>,
  { slow = false, timeoutMs = slow ? deadlines.long : deadlines.test }: FaultOptions = {},
): void => {
  const isLeft = slow && !runsSlow;
  test.runIf(!isLeft)(
    `${id} ${claims[id]}: ${what}`,
    { timeout: timeoutMs, meta: isLeft ? { left: true } : {} },
    async ({ task }) => {
      const sentences: string[] = [];
      task.meta.happened = sentences;
      await work((sentence) => void sentences.push(sentence));
    },
  );
};

/** Milliseconds to read: `840 ms`, `2.1 s`. */
export const readable = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
