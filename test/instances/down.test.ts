/** Which services are down. */
import { expect, it } from "vitest";
import { DownServices, downServices } from "../../src/instances/down.ts";
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
  for (const given of [rows, rows.toReversed()])
    expect(downServices(given).map(({ service }) => service)).toEqual(isDown ? ["orders"] : []);
});

it("rows that come, change and go one after the other leave the same services down as all rows at once", () => {
  const services = new DownServices();
  const rows = new Map<string, Row>();
  const looks = [{ kind: "living" as const }, ended("failed"), ended("ended", t0 + 1), ended("expired", t0 + 2), trying()];
  let random = 7;
  const next = (below: number): number => {
    random = (random * 48_271) % 2_147_483_647;
    return random % below;
  };
  for (let turn = 0; turn < 500; turn += 1) {
    const [service, instance] = [`s${next(3)}`, `i${next(3)}`];
    const name = `${service}:${instance}`;
    const row = rowWith({ service, instance, name, ...looks[next(looks.length)] });
    if (next(4) === 0) {
      rows.delete(name);
      services.remove(name);
    } else {
      rows.set(name, row);
      services.note(row);
    }
    const serviceNames = (down: readonly { service: string }[]) => down.map((one) => one.service);
    expect(serviceNames(services.list())).toEqual(serviceNames(downServices(rows.values())));
  }
});
