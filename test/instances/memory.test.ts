/** The memory of the fleet on a real Redis: what was there, what comes, an outage, and what hostile writers leave. */
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { FleetMemory } from "../../src/instances/memory.ts";
import { closeRedis, openRedis } from "../../src/redis/connection.ts";
import { notReady } from "../kit/fleet-entries.ts";
import { FleetGenerator } from "../kit/fleet-generator.ts";
import { followFleet } from "../kit/fleet-memory.ts";
import { madeOf } from "../kit/left-at-signal.ts";
import type { TestRedis } from "../kit/redis.ts";
import { startTestRedis } from "../kit/redis.ts";
import { eventually } from "../kit/wait.ts";

let redis: TestRedis;
let client: Redis;
let fleet: FleetGenerator;
let memory: FleetMemory;
let signal: AbortSignal;
let stop: () => Promise<void>;
const warnings: string[] = [];

/** Begins a memory of what Redis has. */
const remember = (): void => {
  ({ memory, signal, stop } = followFleet(client, (message) => warnings.push(message)));
};
const current = (is: boolean) => eventually(`the memory is ${is ? "" : "not "}current`, () => memory.isCurrent === is);
const row = (name: string) => memory.model.row(name);
const count = (kind: string) => memory.model.rows().filter((each) => each.kind === kind).length;

beforeAll(async () => {
  redis = await startTestRedis();
  client = openRedis(redis.url);
  await client.connect();
});
afterAll(async () => {
  await closeRedis(client, { signal: AbortSignal.timeout(1000) });
  await redis.stop();
});
beforeEach(async () => {
  await redis.witness.flushall();
  fleet = new FleetGenerator(redis.witness);
  stop = async () => {};
});
afterEach(() => stop());

describe("the memory", () => {
  it("begins with what was there: those that live, and those that have ended", async () => {
    const [living, dead] = [fleet.add(200), fleet.add(5)];
    await fleet.boot([...living, ...dead]);
    await fleet.stop(dead);
    remember();
    await current(true);
    expect([count("living"), count("ended")]).toEqual([200, 5]);
  });

  it("follows what happens, and calls its listeners after each change", async () => {
    remember();
    await current(true);
    const changed = new Set<string>();
    memory.onChange(() => {
      for (const { name } of memory.model.changed()) changed.add(name);
    });
    const [one] = [fleet.add(1)];
    await fleet.boot(one);
    await eventually("it is ready", () => row("gateway:gateway-1")?.ready === true);
    await fleet.write(one, () => [notReady("Redis is not reachable")]);
    await eventually("it is not ready", () => row("gateway:gateway-1")?.reason === "Redis is not reachable");
    await fleet.exited(one, { nextTryAt: 9_000_000_000_000 });
    await eventually("it has failed", () => row("gateway:gateway-1")?.kind === "failed");
    expect([...changed]).toEqual(["gateway:gateway-1"]);
  });

  it("leaves nothing of its beats at its signal, which lives as long as the process", async () => {
    remember();
    await current(true);
    let changes = 0;
    memory.onChange(() => {
      changes += 1;
    });
    await eventually("some beats", () => changes > 3);
    expect(madeOf(signal)).toEqual([]);
  });

  it("shows the end of a lease, and before it that the lease is not renewed", async () => {
    fleet = new FleetGenerator(redis.witness, { leaseTtlMs: 8000 });
    const seen = new Set<string>();
    remember();
    memory.onChange(() => seen.add(row("gateway:gateway-1")?.lease.state ?? "none"));
    await fleet.boot(fleet.add(1));
    await eventually("its lease ends", () => row("gateway:gateway-1")?.kind === "expired");
    expect([...seen]).toEqual(expect.arrayContaining(["held", "suspect", "lost"]));
  });

  it("is not current while Redis does not answer, and goes on where it was", async () => {
    const one = fleet.add(1);
    await fleet.boot(one);
    remember();
    await current(true);
    redis.freeze();
    await current(false);
    redis.thaw();
    await current(true);
    await fleet.write(one, () => [notReady("a check")]);
    await eventually("the next word is there", () => row("gateway:gateway-1")?.reason === "a check");
  });

  it("takes each entry once, in order, although its connections are cut again and again", async () => {
    const one = fleet.add(1);
    await fleet.boot(one);
    remember();
    await current(true);
    for (let at = 1; at <= 40; at += 1) {
      await fleet.write(one, () => [{ kind: "fact", type: "x", level: "warn", text: `fact ${at}` }]);
      if (at % 10 === 5) await redis.witness.call("CLIENT", "KILL", "TYPE", "normal");
    }
    const facts = () =>
      row("gateway:gateway-1")!
        .moments.map(({ text }) => text)
        .filter((text) => text.startsWith("fact "));
    await eventually("the last one is there", () => facts().includes("fact 40"));
    expect(facts()).toEqual(Array.from({ length: 40 }, (_, at) => `fact ${at + 1}`));
  });

  it("begins anew with the journal of a Redis whose data was lost", async () => {
    await fleet.boot(fleet.add(1));
    remember();
    await current(true);
    await redis.witness.flushall();
    // as a Redis whose clock is behind: its ids come before those that are known
    await redis.witness.xadd(
      "sg:fleet:journal",
      "1-1",
      "service",
      "orders",
      "instance",
      "o-1",
      "incarnation",
      "0",
      "boot",
      "aa",
      "version",
      "1",
      "items",
      '[["step",0,"starting","x"]]',
    );
    await redis.witness.call("CLIENT", "KILL", "TYPE", "normal");
    await eventually("the new journal is read", () => row("orders:o-1")?.state === "starting");
  });

  it("leaves out what no journal and no registry writes, and nothing else", async () => {
    await fleet.boot(fleet.add(20));
    const hostile: string[][] = [
      ["service", "orders", "instance", "x", "boot", "aa", "incarnation", "1", "version", "1", "items", `[${"[".repeat(900)}`],
      ["service", "a:b", "instance", "x", "boot", "aa", "incarnation", "1", "version", "1", "items", "[]"],
      ["service", "orders", "instance", "x".repeat(600), "boot", "aa", "incarnation", "1", "version", "1", "items", "[]"],
      ["items", "x".repeat(100_000)],
    ];
    for (const fields of hostile) await redis.witness.xadd("sg:fleet:journal", "*", ...fields);
    await redis.witness.sadd("sg:registry:services", "hostile");
    await redis.witness.set("sg:registry:idx:hostile", "text");
    remember();
    await current(true);
    expect(memory.model.rows()).toHaveLength(20);
    await fleet.boot(fleet.add(1));
    await eventually("one more lives", () => count("living") === 21);
  });
});
