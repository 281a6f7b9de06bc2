/** Which services are down. */
import { expect, it } from "vitest";
import { downServices } from "../../src/instances/down.ts";
import type { Row } from "../../src/instances/row.ts";
import { failedBoot, rowWith } from "../kit/rows.ts";

const t0 = 1_800_000_000_000;
const ended = (kind: "ended" | "failed" | "expired", at = t0): Partial<Row> => ({
  kind,
  end: { outcome: kind, reason: "", at, steps: {} },
});
const trying = (): Partial<Row> => ({
  kind: "booting",
  boots: [{ ...failedBoot("", 0), outcome: "", endedAt: null }, failedBoot("SG_ERR_START_FAILED", t0)],
});

it.each<[what: string, instances: Partial<Row>[], isDown: boolean]>([
  ["one instance runs beside one that died", [{ kind: "living" }, ended("failed")], false],
  ["the only instance failed", [ended("failed")], true],
  ["the only instance was killed", [ended("expired")], true],
  ["the only instance was stopped", [ended("ended")], false],
  ["the last of two was stopped", [ended("failed"), ended("ended", t0 + 1)], false],
  ["the last of two died", [ended("failed", t0 + 1), ended("ended")], true],
  ["the instance that died boots again", [trying()], true],
  ["the first instance boots", [{ kind: "booting", boots: [] }], false],
])("where %s", (_what, instances, isDown) => {
  const rows = instances.map((own, n) =>
    rowWith({ service: "orders", instance: `orders-${n}`, name: `orders:orders-${n}`, ...own }),
  );
  for (const given of [rows, rows.toReversed()]) expect(downServices(given)).toEqual(isDown ? ["orders"] : []);
});
