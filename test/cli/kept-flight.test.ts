/** Which boot of an instance is replayed from Redis, where several are known. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "../../src/cli/command.ts";
import { findFlight } from "../../src/cli/kept-flight.ts";
import { replay } from "../../src/cli/replay.ts";
import type { JournalItem } from "../../src/journal/item.ts";
import { wireFields, wireItems } from "../../src/journal/wire.ts";
import { registryKeys } from "../../src/registry/keys.ts";
import { FleetGenerator } from "../kit/fleet-generator.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";

let redis: TestRedis;
const name = { service: "orders", instance: "orders-1" };
const steps = (...paths: readonly string[]): JournalItem[] =>
  paths.map((path, at) => ({ kind: "step", at: 0, path, event: at === 0 ? "boot" : "done" }));
const write = (boot: string, ...items: readonly JournalItem[]): Promise<void> => writeOf(name, boot, ...items);
const writeOf = async (of: typeof name, boot: string, ...items: readonly JournalItem[]): Promise<void> => {
  const author = { ...of, incarnation: 0, boot, version: "1.0.0" };
  const { journal } = registryKeys(redis.witness);
  for (const json of wireItems(items, 0)) await redis.witness.xadd(journal, "*", ...wireFields(author, json));
};

beforeAll(async () => {
  redis = await startTestRedis();
  await write("a1", ...steps("jitter", "starting", "registering", "healthy.ready", "running"));
  await write("a1", ...steps("jitter").slice(1), { kind: "step", at: 0, path: "stopping.draining", event: "shutdown" });
  await write("", { kind: "exited", at: 0, exitCode: null, signal: "SIGKILL", nextTryAt: null, tries: 1, cause: "" });
  await write("b2", ...steps("jitter", "starting"));
  await write("", { kind: "exited", at: 0, exitCode: null, signal: "SIGKILL", nextTryAt: null, tries: 1, cause: "" });
  await write("c3", ...steps("jitter", "starting", "registering", "healthy.ready", "running"));
});
afterAll(() => redis.stop());

it("a recording that a failed stop kept is that of the newest boot which failed, and of no other one", async () => {
  const other = { service: "orders", instance: "stopped-1" };
  const failed: JournalItem = { kind: "end", at: 0, outcome: "failed", reason: "EACCES", failures: [], steps: {} };
  for (const boot of ["d4", "e5"]) await writeOf(other, boot, ...steps("jitter", "starting"), failed);
  const { recording } = await findFlight(redis.witness, other, 1);
  await redis.witness.set(registryKeys(redis.witness).flight(other.service, other.instance), JSON.stringify(recording));
  expect(await findFlight(redis.witness, other, 1)).toMatchObject({ isRebuilt: false, shown: 0 });
  expect(await findFlight(redis.witness, other, 2)).toMatchObject({ isRebuilt: true, shown: 1 });
});

describe("a recording that is rebuilt", () => {
  it.each([
    { number: undefined, path: "starting", shown: 1, what: "of the newest boot that died, where none is named" },
    { number: 1, path: "running", shown: 0, what: "of the newest boot" },
    { number: 3, path: "stopping.draining", shown: 2, what: "of an older boot" },
  ])("is $what", async ({ number, path, shown }) => {
    const flight = await findFlight(redis.witness, name, number);
    expect(flight).toMatchObject({ recording: { path }, isRebuilt: true, shown });
  });

  it("of a boot that has not ended is what has happened so far", async () => {
    const living = { service: "orders", instance: "living-1" };
    await writeOf(living, "f6", ...steps("jitter", "starting"));
    expect(await findFlight(redis.witness, living)).toMatchObject({ recording: { path: "starting", end: null }, lives: true });
    const out: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((text) => void out.push(String(text)));
    await replay.run(parse(["orders/living-1", "--redis", redis.url], replay.options));
    log.mockRestore();
    expect(out.join("")).toContain("it has not ended and is in starting: what has happened so far");
    expect(out.join("")).toMatch(/so far, in starting$/m);
  });

  it("of a boot whose lease has ended is no living one, although nothing wrote its end", async () => {
    const killed = { service: "orders", instance: "killed-1" };
    const held: JournalItem = { kind: "step", at: 0, path: "running", event: "lease.held" };
    await writeOf(killed, "a7", ...steps("jitter", "starting", "registering"), held);
    await redis.witness.zadd(registryKeys(redis.witness).index(killed.service), Date.now() - 1000, killed.instance);
    expect(await findFlight(redis.witness, killed)).toMatchObject({ lives: false, boots: [{ outcome: "expired" }] });
  });

  it("of a boot that registers while the journal is read is a living one", async () => {
    const fleet = new FleetGenerator(redis.witness);
    const [late] = fleet.add(1);
    const client = redis.witness.duplicate();
    const { xrevrangeBuffer } = client;
    Object.assign(client, {
      xrevrangeBuffer: async (...range: unknown[]) => {
        if (!late!.isLiving) await fleet.boot([late!]);
        return Reflect.apply(xrevrangeBuffer, client, range);
      },
    });
    try {
      expect(await findFlight(client, late!)).toMatchObject({ lives: true, boots: [{ outcome: "" }] });
    } finally {
      client.disconnect();
    }
  });

  it("is refused for a boot that is not there, with how many there are", async () => {
    await expect(findFlight(redis.witness, name, 4)).rejects.toThrow("orders/orders-1 has no boot 4: the journal has 3");
  });

  it("is that of the only instance whose name begins so", async () => {
    expect(await findFlight(redis.witness, { service: "orders", instance: "ord" })).toMatchObject({ shown: 1 });
  });

  it("is refused for an unknown instance, with those that there are", async () => {
    const wrong = { service: "orders", instance: "other" };
    await expect(findFlight(redis.witness, wrong)).rejects.toThrow(/orders\/other is not in the journal.*: there are orders-1/);
  });
});
