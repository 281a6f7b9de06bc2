/** Instances that are killed in each state from `starting` on: the journal has every arrow that they took. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { statePath } from "../../machines/index.ts";
import { findFlight } from "../../src/cli/kept-flight.ts";
import type { JournalItem } from "../../src/journal/entry.ts";
import { JournalReader } from "../../src/journal/reader.ts";
import { deadlines } from "../kit/deadlines.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

const program = fileURLToPath(new URL("../fixtures/journaled.mjs", import.meta.url));
let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

const itemsOf = async (instance: string): Promise<JournalItem[]> => {
  const options = { limit: 10_000, sinceMs: deadlines.long, signal: AbortSignal.timeout(deadlines.fact) };
  const entries = await new JournalReader(redis.witness).backwards(options);
  return entries.filter((entry) => entry.instance === instance).flatMap(({ items }) => items);
};

/** An arrow as the fixture writes it: those of a tier's own phases have items of their own. */
const arrowOf = (item: JournalItem): string[] => {
  if (item.kind === "step") return [`${item.event} ${item.path}`];
  return item.kind === "began" ? [`phase.began ${item.phase}`] : [];
};
const writtenArrows = (output: string): string[] =>
  output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as [string, never])
    .filter(([event]) => !event.startsWith("phase.ended"))
    .map(([event, value]) => (event.startsWith("phase.began") ? event : `${event} ${statePath({ value })}`));

/** The argument of the fixture, the path that it stays in, and whether it is asked to stop. */
const cases: readonly (readonly [stays: string, path: string, isAsked: boolean])[] = [
  ["starting", "starting", false],
  ["blocked", "starting", false],
  ["held", "starting", false],
  ["healthy", "healthy.ready", false],
  ["running", "running", false],
  ["draining", "stopping.draining", true],
  ["unwinding", "stopping.unwinding", true],
  ["releasing", "stopping.releasing", true],
];

/** The arrow behind which it takes no other one, where that is not the one that leads to the path. */
const last: Readonly<Record<string, string>> = {
  starting: "phase.began starting.model",
  held: "phase.began starting.model",
  running: "phase.began running.serving",
};

describe("an instance that is killed", () => {
  it.each(cases)(
    "while it is %s has every arrow up to %s in the journal, and is replayed from it",
    async (stays, path, isAsked) => {
      const child = fork(program, [stays, redis.url, stays], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
      try {
        let output = "";
        child.stdout!.setEncoding("utf8").on("data", (text: string) => {
          output += text;
        });
        const takes = (item: JournalItem, to: string) => item.kind === "step" && item.path === to;
        if (isAsked) {
          await eventually("its run", async () => (await itemsOf(stays)).some((item) => takes(item, "running")));
          child.send("stop");
        }
        await eventually("the state", async () => (await itemsOf(stays)).some((item) => takes(item, path)));
        // an event loop that stands has written its last arrow; another one writes those of the phase that it is in too
        const missing = async () => {
          const known = new Set((await itemsOf(stays)).flatMap(arrowOf));
          return writtenArrows(output).filter((arrow) => !known.has(arrow));
        };
        const isThere = () =>
          writtenArrows(output).some((arrow) => arrow === last[stays] || (!last[stays] && arrow.endsWith(` ${path}`)));
        await eventually("its last arrow", isThere);
        await eventually("each arrow that it wrote", async () => (await missing()).length === 0);
        child.kill("SIGKILL");
        await once(child, "close");
        expect(await missing()).toEqual([]);
        const { recording, isRebuilt } = await findFlight(redis.witness, { service: "journaled", instance: stays });
        expect({ isRebuilt: isRebuilt || isAsked, path: recording.path }).toEqual({ isRebuilt: true, path });
      } finally {
        child.kill("SIGKILL");
      }
    },
  );
});
