/** The generator of the kit: what it writes is read as what instances write. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { FleetModel } from "../../src/instances/model.ts";
import { parseMessage } from "../../src/journal/entry.ts";
import { Registry } from "../../src/registry/registry.ts";
import { FleetGenerator } from "../kit/fleet-generator.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
let fleet: FleetGenerator;

/** All that is in Redis, in a model. */
const read = async (): Promise<FleetModel> => {
  const model = new FleetModel();
  const [seconds] = await redis.witness.time();
  model.tick(Number(seconds) * 1000);
  const messages = await redis.witness.xrangeBuffer("sg:fleet:journal", "-", "+");
  const entries = messages.map(([id, fields]) => parseMessage(id.toString(), fields));
  expect(entries).not.toContain(undefined);
  for (const entry of entries) model.note(entry!);
  for (const entry of await new Registry(redis.witness).list()) model.apply({ type: "registered", entry });
  return model;
};
const kinds = (model: FleetModel): string[] =>
  model.rows().map(({ service, instance, kind, path }) => `${service}/${instance} ${kind} ${path}`);

describe("a generated fleet", () => {
  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.witness.flushall();
    fleet = new FleetGenerator(redis.witness);
  });

  it("of hundreds runs, registered and ready", async () => {
    await fleet.boot(fleet.add(300));
    const rows = (await read()).rows();
    expect(rows).toHaveLength(300);
    expect(
      rows.filter(({ kind, ready, lease, host }) => kind === "living" && ready && lease.state === "held" && host !== ""),
    ).toHaveLength(300);
  });
  it("boots, fails, stops, is killed and is restarted", async () => {
    const [started, failed, stopped, killed, restarted] = fleet.add(5).map((one) => [one]);
    await fleet.start(started!);
    await fleet.start(failed!);
    await fleet.fail(failed!, "EACCES");
    await fleet.boot([...stopped!, ...killed!, ...restarted!]);
    await fleet.stop(stopped!);
    await fleet.exited(killed!, { signal: "SIGKILL" });
    fleet.kill(restarted!);
    await fleet.boot(fleet.restart(restarted!, "3.1.0"));
    const model = await read();
    expect(kinds(model).sort()).toEqual([
      "agents/agents-1 ended stopped",
      "consolidation/consolidation-1 failed running",
      "gateway/gateway-1 booting starting.model",
      "inference/inference-1 failed stopped",
      "web/web-1 living running",
    ]);
    expect(model.row("web:web-1")).toMatchObject({
      version: "3.1.0",
      boots: [{ outcome: "" }, { outcome: "expired", version: "3.0.0" }],
    });
  });
  it("has a past where it is given one", async () => {
    const before = Date.now();
    await fleet.boot(fleet.add(1), { agoMs: 600_000 });
    const [row] = (await read()).rows();
    expect(row!.lane[0]!.from).toBeLessThan(before);
  });
});
