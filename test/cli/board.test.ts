/** The board of `up`: what is drawn on a terminal, and how much of it. */
import { afterEach, describe, expect, it } from "vitest";
import type { Screen } from "../../src/cli/board.ts";
import { createBoard } from "../../src/cli/board.ts";
import type { ServiceView, Writer } from "../../src/fleet/facts.ts";

const view = (name: string): ServiceView => ({
  name,
  tier: name,
  state: "running",
  phase: "running",
  since: 0,
  pid: 1,
  healthPort: 9090,
  port: undefined,
  restarts: 0,
  trouble: "",
});
const services = ["a", "b", "c", "d", "e"].map(view);

let board: Writer | undefined;
afterEach(() => board?.close());

const drawnOn = (size: Omit<Screen, "write">): { texts: string[]; write: Writer["write"] } => {
  const texts: string[] = [];
  const writer = createBoard({ ...size, write: (text) => texts.push(text) }, () => 0);
  board = writer;
  return { texts, write: writer.write };
};
const begin = (size: Omit<Screen, "write">): string[] => {
  const { texts, write } = drawnOn(size);
  write({ type: "fleet.starting", redis: "r", isOwnRedis: false, services });
  write({ type: "service.changed", service: services[0]! });
  return texts;
};
/** how far it goes up before it draws again */
const wentUp = (text: string): number => Number(/^.\[(\d+)A/.exec(text)?.[1] ?? 0);

describe("the board", () => {
  it("goes up exactly over what it drew", () => {
    const [, again] = begin({ columns: 80, rows: 24 });
    expect(wentUp(again!)).toBe(6);
    expect(again!.split("\n")).toHaveLength(7);
  });

  it.each([4, 3, 2, 1])("on %i rows is never higher than they are, and says how much it leaves out", (rows) => {
    const [, again] = begin({ columns: 60, rows });
    expect(wentUp(again!)).toBeLessThan(rows);
    expect(again!.split("\n").length).toBeLessThanOrEqual(rows);
    if (rows > 2) expect(again).toContain(`and ${6 - (rows - 2)} more`);
  });

  it.each([{ columns: 0, rows: 0 }, {}])("on a terminal that does not know its size (%j) is whole", (size) => {
    const [, again] = begin(size);
    for (const { name } of services) expect(again).toMatch(new RegExp(`^${name} +running`, "m"));
  });
});
