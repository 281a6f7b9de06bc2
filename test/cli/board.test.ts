/** The board of `up`: what is drawn on a terminal, and how much of it. */
import { afterEach, describe, expect, it } from "vitest";
import type { Screen } from "../../src/cli/board.ts";
import { createBoard } from "../../src/cli/board.ts";
import type { Writer } from "../../src/cli/lines.ts";
import type { ServiceView } from "../../src/fleet/index.ts";

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
  nextTryMs: null,
  trouble: "",
  cause: "",
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
/** by how many lines the cursor goes up before the board is redrawn */
const wentUp = (text: string): number => Number(/^.\[(\d+)A/.exec(text)?.[1] ?? 0);

describe("the board", () => {
  it("is redrawn exactly over its own lines", () => {
    const [, again] = begin({ columns: 80, rows: 24 });
    expect(wentUp(again!)).toBe(7);
    expect(again!.split("\n")).toHaveLength(8);
  });

  it("is redrawn over the lines that a terminal made narrower has broken", () => {
    const size = { columns: 80, rows: 24 };
    const texts: string[] = [];
    const screen: Screen = {
      get columns() {
        return size.columns;
      },
      rows: 24,
      write: (text) => texts.push(text),
    };
    board = createBoard(screen, () => 0);
    board.write({ type: "fleet.starting", redis: "r", isOwnRedis: false, services });
    const widths = texts[0]!
      .split("\n")
      .slice(-8, -1)
      .map(({ length }) => length);
    size.columns = Math.max(...widths) - 1;
    const broken = widths.filter((width) => width > size.columns).length;
    board.write({ type: "service.changed", service: services[0]! });
    expect(broken).toBeGreaterThan(0);
    expect(wentUp(texts[1]!)).toBe(7 + broken);
  });

  it.each([4, 3, 2, 1])("on a terminal of %i rows is no higher, and counts the lines that it leaves out", (rows) => {
    const [, again] = begin({ columns: 60, rows });
    expect(wentUp(again!)).toBeLessThan(rows);
    expect(again!.split("\n").length).toBeLessThanOrEqual(rows);
    if (rows > 2) expect(again).toContain(`and ${7 - (rows - 2)} more`);
  });

  it.each([{ columns: 0, rows: 0 }, {}])("on a terminal of unknown size (%j) is drawn whole", (size) => {
    const [, again] = begin(size);
    for (const { name } of services) expect(again).toMatch(new RegExp(`^${name} +●.*◉ +running`, "m"));
  });

  it("shows the ports of a service once they are known", () => {
    const { texts, write } = drawnOn({ columns: 80, rows: 24 });
    write({ type: "fleet.starting", redis: "r", isOwnRedis: false, services: [{ ...view("web"), healthPort: undefined }] });
    expect(texts.at(-1)).toMatch(/^web +●.*◉ +running .* 1 +-$/m);
    write({ type: "service.changed", service: { ...view("web"), port: 8090 } });
    expect(texts.at(-1)).toMatch(/^web +●.*◉ +running .* 1 +8090, 9090$/m);
  });

  it("shows a service between two processes in the state in which it died, with the cause below it", () => {
    const { texts, write } = drawnOn({ columns: 100, rows: 24 });
    write({
      type: "fleet.starting",
      redis: "r",
      isOwnRedis: false,
      services: [{ ...view("web"), state: "init", phase: "init" }],
    });
    write({ type: "service.changed", service: { ...view("web"), state: "starting", phase: "starting.model" } });
    const gone = {
      pid: undefined,
      healthPort: undefined,
      restarts: 3,
      nextTryMs: 8000,
      trouble: "exited with code 1",
      cause: "EACCES: permission denied",
    };
    write({ type: "service.changed", service: { ...view("web"), ...gone, state: "backingOff", phase: "backingOff" } });
    expect(texts.at(-1)).toMatch(
      /^web +●━━●━━●━━✕ +starting +model .* died 4 times, next try in 8.0 s\n {2}exited with code 1: EACCES: permission denied\n0 of 1 running$/m,
    );
    write({ type: "service.changed", service: { ...view("web"), ...gone, state: "givenUp", phase: "givenUp" } });
    expect(texts.join("")).not.toMatch(/backingOff|givenUp/);
  });

  it("on a narrow terminal has deaths and cause below the service, whole", () => {
    const { texts, write } = drawnOn({ columns: 64, rows: 24 });
    write({
      type: "fleet.starting",
      redis: "r",
      isOwnRedis: false,
      services: [{ ...view("web"), state: "starting", phase: "starting.model" }],
    });
    write({ type: "service.changed", service: { ...view("web"), state: "stopped", phase: "stopped" } });
    const gone = { pid: undefined, healthPort: undefined, restarts: 4, nextTryMs: 600_000, trouble: "exited with code 1" };
    const cause = "onStart failed: EACCES: permission denied, open '/models/v4/weights.bin'";
    write({ type: "service.changed", service: { ...view("web"), ...gone, cause, state: "givenUp", phase: "givenUp" } });
    const lines = texts.at(-1)!.split("\n");
    expect(lines.find((line) => line.startsWith("web"))).toMatch(/^web +●━━●━━●━━✕ +stopped/);
    expect(
      lines
        .slice(2, -2)
        .map((line) => line.trim())
        .join(" "),
    ).toBe(`died 5 times, next try in 10 min; exited with code 1: ${cause}`);
    for (const line of lines.slice(1)) expect(line.length).toBeLessThanOrEqual(63);
  });

  it.each([
    [100, "STATE PHASE FOR PID PORT"],
    [60, "STATE PHASE FOR PORT"],
    [45, "STATE PHASE"],
    [36, "STATE"],
  ])("on a terminal of %i columns shows each column whole or not at all", (columns, titles) => {
    const { texts, write } = drawnOn({ columns, rows: 24 });
    const starting = { ...view("web"), state: "starting", phase: "starting.model", pid: 13_829, healthPort: 44_953 };
    write({ type: "fleet.starting", redis: "r", isOwnRedis: false, services: [starting] });
    const [head, row] = texts.at(-1)!.split("\n").slice(1);
    expect(head!.replace("INIT TO RUNNING", "").trim().split(/ +/)).toEqual(["SERVICE", ...titles.split(" ")]);
    const cells = { STATE: "starting", PHASE: "model", FOR: "0 ms", PID: "13829", PORT: "44953" };
    const shown = titles.split(" ").map((title) => cells[title as keyof typeof cells]);
    expect(row!.trim().split(/ {2,}/).slice(2)).toEqual(shown);
  });

  it("shows the lines of a fact above it", () => {
    const { texts, write } = drawnOn({ columns: 80, rows: 24 });
    write({ type: "fleet.starting", redis: "redis://r", isOwnRedis: true, logs: "/l", services });
    expect(texts[0]).toMatch(/^redis redis:\/\/r {2}\(of this fleet, without persistence\)\nlogs {2}\/l\nSERVICE/);
    write({ type: "fleet.listening", tier: "web", url: "http://127.0.0.1:8090" });
    write({ type: "fleet.listening", tier: "gateway", url: "http://127.0.0.1:8080" });
    expect(texts[1]).toContain("page  http://127.0.0.1:8090\nSERVICE");
    expect(texts[2]).toContain("chat  npx stargazer chat  (ws://127.0.0.1:8080/webchat)\nSERVICE");
  });
});
