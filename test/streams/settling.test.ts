/** The end of an attempt while Redis does not answer. */
import { afterEach, expect, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import type { LaneWorkOptions } from "../../src/streams/attempt.ts";
import type { Lanes, Taken } from "../../src/streams/lanes.ts";
import { Settling } from "../../src/streams/settling.ts";
import { eventually } from "../kit/wait.ts";

const warnings: string[] = [];
const note = ({ message }: Error) => void warnings.push(message);
afterEach(() => {
  process.off("warning", note);
});

it("of many lanes is asked for again by each, without a warning of Node", async () => {
  process.on("warning", note);
  let isAway = true;
  let asked = 0;
  const settle = async () => {
    asked += 1;
    if (isAway) throw new Error("connection is closed");
    return { isOver: false, hasMore: false };
  };
  const options = { log: silentLogger } as LaneWorkOptions<string>;
  const settling = new Settling<string>({ settle } as unknown as Lanes, options, new AbortController().signal);
  const outcome = { type: "done", writes: { keys: [], commands: [] }, message: "" } as const;
  const ends = Array.from({ length: 30 }, (_, n) => {
    const task: Taken = { lane: Buffer.from(`${n}`), id: `${n}-0`, token: n, failures: 0, lost: 0, fields: [] };
    return settling.end(task, outcome, () => false);
  });
  await eventually("each was asked twice", () => asked >= 60);
  isAway = false;
  await Promise.all(ends);
  expect(warnings).toEqual([]);
});
