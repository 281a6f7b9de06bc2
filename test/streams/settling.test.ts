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

it("that finds its lease over has its worker look for a lane, since an earlier call may have handed it on", async () => {
  const settle = async () => ({ isOver: true, hasMore: false });
  const options = { log: silentLogger } as LaneWorkOptions<string>;
  const settling = new Settling<string>({ settle } as unknown as Lanes, options, new AbortController().signal);
  const outcome = { type: "done", writes: { keys: [], commands: [] }, message: "" } as const;
  const task: Taken = { lane: "a", id: "1-0", token: 1, failures: 0, lost: 0, fields: [] };
  expect(await settling.end(task, outcome, () => false)).toEqual({ isOver: true, hasMore: true });
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
