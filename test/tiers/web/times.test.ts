/** How long boots and stops take, by release. */
import { expect, it } from "vitest";
import type { Boot, Row } from "../../../src/instances/row.ts";
import { timesOf } from "../../../src/tiers/web/times.ts";
import { sceneRow } from "../../kit/fleet-scene.ts";

const boot = (at: number, readyMs: number | null, stopMs: number | null, version = "2.0.0"): Boot => ({
  ...{ boot: String(at), version, startedAt: at, readyAt: readyMs === null ? null : at + readyMs },
  ...{ endedAt: stopMs === null ? null : at + 9000, stopMs, outcome: stopMs === null ? "" : "shutdown", cause: "", code: "" },
});
const row = (instance: string, boots: readonly Boot[], more: Partial<Row> = {}): Row =>
  sceneRow(1_000_000, "orders", instance, [{ version: "2.0.0", parts: [["running", 1000]] }], { boots, ...more });

it("counts boots that took traffic and stops that were over, of the newest hundred, and instances that live", () => {
  const many = Array.from({ length: 120 }, (_, at) => boot(1000 + at, at < 20 ? 90_000 : at, 10 * at));
  const old = [boot(5, 700, 50, "1.0.0")];
  const end = { outcome: "shutdown", reason: "", at: 1, steps: {} };
  const [newest, older] = timesOf([row("a", many), row("b", [boot(2000, null, null)]), row("c", old, { version: "1.0.0", end })]);
  expect(newest).toEqual({
    ...{ service: "orders", version: "2.0.0", instances: 2 },
    boot: { count: 100, p50: 69, p95: 114 },
    stop: { count: 100, p50: 690, p95: 1140 },
  });
  expect(older).toMatchObject({ version: "1.0.0", instances: 0, boot: { count: 1, p50: 700, p95: 700 } });
});

it("has no figure where nothing has ended or taken traffic", () => {
  expect(timesOf([row("a", [boot(1, null, null)])])).toEqual([
    { service: "orders", version: "2.0.0", instances: 1, boot: null, stop: null },
  ]);
});
