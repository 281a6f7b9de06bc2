/** A short pass of the chaos; `npm run chaos` is the long one. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isAlive } from "../kit/alive.ts";
import { deadlines } from "../kit/deadlines.ts";
import { runScript } from "../kit/script.ts";
import { eventually } from "../kit/wait.ts";
import { Conversation, countAll } from "./tally.mjs";

const program = fileURLToPath(new URL("main.mjs", import.meta.url));

const chaos = (...args: string[]) => runScript(program, args);

const none = { lost: 0, twice: 0, outOfOrder: 0, refused: 0, notices: 0 };

describe("messages while their tiers are killed, frozen and stopped and Redis restarts", () => {
  it("F30: are each answered once, F32: in order, and seen so", { timeout: deadlines.long }, async () => {
    const { status, stdout, stderr } = await chaos("--quick", "--seed", "30", "--json");
    expect(stderr).toBe("");
    const { stream, client, harms, ...rest } = JSON.parse(stdout);
    expect(stream).toMatchObject({ accepted: 600, answered: 600, ...none });
    expect(client).toMatchObject({ answered: client.accepted, neverSeen: 0, twice: 0, outOfOrder: 0 });
    expect(rest).toMatchObject({ pending: 0, deadLetters: 0, leftovers: [], odd: [] });
    // the harm was done
    const whom = ["inference", "gateway"].flatMap((tier) => ["kill", "freeze", "stop"].map((what) => `${what} ${tier}`));
    expect(Object.keys(harms).sort()).toEqual([...whom, "kill redis", "stop redis", "reload page"].sort());
    expect(status).toBe(0);
  });
});

/** The pids of what a process has started. */
const childrenOf = (pid: number): number[] =>
  spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" })
    .stdout.split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid ? [child!] : []));

it("a run that is interrupted ends all that it has started", async () => {
  const child = spawn(process.execPath, [program, "--quick"], { stdio: "ignore" });
  const ended = once(child, "exit");
  const children = await eventually("its six tiers and its Redis", () => {
    const found = childrenOf(child.pid!);
    return found.length >= 7 && found;
  });
  child.kill("SIGINT");
  expect((await ended)[0]).toBe(130);
  await eventually("their ends", () => !children.some(isAlive));
});

describe("the counts", () => {
  const withAnswers = (atStream: number[], atPage: number[][]) => {
    const conversation = new Conversation(0);
    for (let n = 1; n <= 3; n += 1) conversation.next();
    conversation.accepted = 3;
    for (const n of atStream) conversation.atStream.add(n);
    for (const load of atPage) {
      conversation.load();
      for (const n of load) conversation.show({ role: "assistant", text: `re 0:${n}` });
    }
    return countAll([conversation]);
  };

  it.each([
    ["nothing wrong", [1, 2, 3], [[1, 2, 3]], {}, {}],
    ["a page that was reloaded", [1, 2, 3], [[1], [1, 2, 3]], {}, {}],
    ["a lost answer", [1, 3], [[1, 3]], { lost: 1 }, { neverSeen: 1 }],
    ["an answer that no page shows", [1, 2, 3], [[1, 2], [1]], {}, { neverSeen: 1 }],
    ["an answer that is there twice", [1, 2, 2, 3], [[1, 2, 3, 2]], { twice: 1 }, { twice: 1 }],
    ["two in the wrong order", [2, 1, 3], [[1, 3, 2]], { outOfOrder: 1 }, { outOfOrder: 1 }],
  ])("have %s", (_what, atStream, atPage, atOneEnd, atTheOther) => {
    const { stream, client } = withAnswers(atStream, atPage);
    expect(stream).toMatchObject({ lost: 0, twice: 0, outOfOrder: 0, ...atOneEnd });
    expect(client).toMatchObject({ neverSeen: 0, twice: 0, outOfOrder: 0, ...atTheOther });
  });
});

it.each([
  [["--messages", "0"], "--messages needs a whole number"],
  [["--seed", "x"], "--seed needs a whole number"],
  [["--scenario", "peace"], "--scenario is messages or flood"],
  [["--nonsense"], "--nonsense"],
])("refuses %j with one line", async (args, says) => {
  const { status, stderr } = await chaos(...args);
  expect([status, stderr]).toEqual([2, expect.stringContaining(says)]);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
